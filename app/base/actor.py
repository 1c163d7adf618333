"""Who is asking."""

from typing import NamedTuple


class Actor(NamedTuple):
    """A signed-in user, an anonymous caller (user_id None), or the system itself."""

    user_id: str | None = None
    username: str = ""
    org_id: str = ""
    roles: frozenset[str] = frozenset()
    ip: str = ""
    request_id: str = ""
    lang: str = "en"

    @property
    def signed_in(self) -> bool:
        """Whether a user is known."""
        return self.user_id is not None


# What the audit trail calls Sage's users, who stand in no table of ours.
USERS = "users"
# Work started from the command line, not by a user.
SYSTEM_ACTOR = Actor(user_id="system", username="system", org_id="0")
