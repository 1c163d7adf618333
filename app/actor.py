"""Who is asking."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Actor:
    """A signed-in user, an anonymous caller (user_id None), or the system itself."""

    user_id: str | None = None
    username: str = ""
    org_id: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    ip: str = ""
    request_id: str = ""
    lang: str = "en"

    @property
    def signed_in(self) -> bool:
        """Whether a user is known."""
        return self.user_id is not None


# Work started from the command line, not by a user.
SYSTEM_ACTOR = Actor(user_id="system", username="system", org_id="0")
