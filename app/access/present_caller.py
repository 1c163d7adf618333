"""
Who asks, as both databases have it now.

What a worker remembers of sessions and users for some seconds is enough to show something. Who was
put out, or demoted, in these seconds must not take it back, nor stay by another password.
"""

from dataclasses import dataclass

from aiohttp import web

from app.access.permissions import no_right
from app.access.rbac import SageUser, user_of
from app.access.request_context import CONTEXT, RBAC
from app.access.sessions import SESSIONS, Session
from app.base.catalogue.requests import NOT_SIGNED_IN
from app.db.sqlor import SafeSqlor
from app.db.transactions import reading


@dataclass(frozen=True)
class Caller:
    """A user, and the session by which he asks."""

    user: SageUser
    session: Session


async def read_caller(request: web.Request) -> Caller:
    """Return who asks; raises NotSignedIn where the session has ended meanwhile, Forbidden where
    the right to the path has."""
    session = await request.app[SESSIONS].find_anew(request)
    if session is None:
        raise NOT_SIGNED_IN()
    async with reading("sage") as sage:
        return Caller(await require_present(sage, request, session), session)


async def require_present(sage: SafeSqlor, request: web.Request, session: Session) -> SageUser:
    """Return the user of *session* as *sage* sees him; raises as `read_caller` does."""
    user = await user_of(sage, session.user_id)
    if user is None or not session.holds_for(user, request.app[SESSIONS].strict_roles):
        raise NOT_SIGNED_IN()
    target = request[CONTEXT].target
    rights = await request.app[RBAC].rights()
    if target is None or not rights.allows(user.actor.roles, target.url):
        raise no_right()
    return user
