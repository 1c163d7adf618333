"""What the caller of a request may do elsewhere: open other paths, see other lists."""

from collections.abc import Iterable

from aiohttp import web

from app.access.request_context import CONTEXT, RBAC, WEB_PATHS
from app.base.actor import USERS
from app.base.catalogue.requests import FORBIDDEN
from app.base.errors import AppError
from app.schema.tables import Table, tables

# Who may see users, and what the audit trail calls them.
USER_LIST = "/appbase/user_list.dspy"


def no_right() -> AppError:
    """Return the refusal for who has signed in and may not."""
    return FORBIDDEN()


async def may_open(request: web.Request, path: str) -> bool:
    """Return whether the caller may use *path*, and something is there."""
    target = request.app[WEB_PATHS].find(path)
    rights = await request.app[RBAC].rights()
    return target is not None and rights.allows(request[CONTEXT].actor.roles, target.url)


async def may_list_any(request: web.Request, some: Iterable[Table]) -> bool:
    """Return whether the caller may see the generated list of at least one of these tables."""
    for model in some:
        if await may_open(request, model.list_path):
            return True
    return False


async def withheld_tables(request: web.Request) -> list[str]:
    """Return tables with something about persons whose lists the caller may not see."""
    personal = [model for model in tables().values() if model.personal]
    names = [model.name for model in personal if not await may_list_any(request, [model])]
    # Users are Sage's, and no list of ours: who signed in, who may what, who has a second factor.
    return names if await may_open(request, USER_LIST) else [*names, USERS]
