/** One's own account, users and roles, as their pages get them from the server. */

/** What an authenticator app takes a secret from; `picture` has a row of 0 and 1 for each row of squares. */
interface FactorSetup {
  secret: string;
  address: string;
  picture: string[];
}

interface SessionEntry {
  id: string;
  created_at: string;
  seen_at: string;
  address: string;
  user_agent: string;
  has_second_factor: boolean;
  is_current: boolean;
}

interface Account {
  username: string;
  roles: string[];
  ours: boolean;
  sage_url: string;
  second_factor: { on: boolean; required: boolean; codes_left: number };
  sessions: SessionEntry[];
}

interface UserEntry {
  id: string;
  username: string;
  state: 'usable' | 'invited' | 'disabled';
  roles: string[];
  last_sign_in: string | null;
  second_factor: boolean;
  link_until: string | null;
}

interface UserList {
  ours: boolean;
  sage_url: string;
  me: string;
  roles: string[];
  users: UserEntry[];
  more: boolean;
}

interface RoleRights {
  role: string;
  users: number;
  may: boolean[];
}
