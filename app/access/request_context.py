"""
What is known of a request while it is answered, and what all requests share: by typed keys.

ahserver and aiohttp keep both under names, as values of any kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from app.access.paths import STATIC_TYPES, Target, WebPaths
from app.access.rbac import NOBODY_ROLES, SageRbac
from app.base.actor import Actor
from app.base.settings import Settings

NO_ENDPOINT, FILES = "none", "files"
NOBODY = Actor(roles=NOBODY_ROLES)


@dataclass(slots=True)
class RequestContext:
    """
    What is known of one request. Its head tells what has no default; the rest is learned in the
    guard, and until then as it is for a request that is refused before.
    """

    request_id: str
    client_ip: str
    lang: str
    # Whether the address is of an API, which programs ask with a key.
    is_for_programs: bool
    # Query and body; before the body is read the query alone.
    params: Mapping[str, Any]
    target: Target | None = None
    actor: Actor = NOBODY
    # The object of a JSON body; the bytes of a file, where one is taken.
    json_body: dict[str, Any] | None = None
    file_body: bytes | None = None
    # One of the host's own answers, which are no files.
    open_path: str | None = None
    # For the log: what may be shown of the caller's key, whose it is, and the code of the refusal.
    key_prefix: str | None = None
    distributor: str | None = None
    refusal_code: str | None = None
    # Whether a caller who waits to be asked for the body has been.
    has_asked_for_body: bool = False
    # Whether the connection ends with the answer, since the body's rest is not waited for.
    left_unread: bool = False

    @property
    def is_for_file(self) -> bool:
        """Whether a file is asked for that is sent as it is, such as a script of a page."""
        return self.target is not None and self.target.suffix in STATIC_TYPES

    @property
    def endpoint(self) -> str:
        """
        What is counted and logged together: the script or page that is asked for, one name for all
        files of a kind, and one for what there is not, of which anybody can think up any number.
        """
        if self.target is None:
            return self.open_path or NO_ENDPOINT
        return FILES if self.is_for_file else self.target.url


CONTEXT = web.RequestKey("pipeline.context", RequestContext)
RBAC = web.AppKey("pipeline.rbac", SageRbac)
SETTINGS = web.AppKey("pipeline.settings", Settings)
WEB_PATHS = web.AppKey("pipeline.web_paths", WebPaths)
