"""Who somebody is and what they may do: Sage's users and rights, sessions, lock-outs."""
