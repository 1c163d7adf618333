"""
What is known of a request while it is answered, and what all requests share: by typed keys.

ahserver and aiohttp keep both under names, as values of any kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from app.access.paths import Target, WebPaths
from app.access.rbac import NOBODY_ROLES, SageRbac
from app.base.actor import Actor
from app.base.settings import Settings

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
    # Whether a caller who waits to be asked for the body has been.
    has_asked_for_body: bool = False
    # Whether the connection ends with the answer, since the body's rest is not waited for.
    left_unread: bool = False


CONTEXT = web.RequestKey("pipeline.context", RequestContext)
RBAC = web.AppKey("pipeline.rbac", SageRbac)
SETTINGS = web.AppKey("pipeline.settings", Settings)
WEB_PATHS = web.AppKey("pipeline.web_paths", WebPaths)
