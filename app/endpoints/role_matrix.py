"""
What each role may do, in words of the field: `/appbase/role_matrix.dspy`.

Nobody keeps this by hand: a deed names the address where it is done, and whether a role may use
that is asked of Sage's permissions as for a request. The modules say which deeds there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from app.access.rbac import OWN_ROLES, effective_roles, role_name
from app.access.request_context import RBAC, WEB_PATHS
from app.base.contributions import Contributions
from app.db.transactions import reading
from app.schema.validation import check_params
from app.web.endpoint import answering
from app.web.responses import json_response

MAX_ROLES = 200
_ROLES = """
select r.id as roleid, r.orgtypeid, r.name, count(u.id) as users
  from role r
  left join userrole ur on ur.roleid = r.id
  left join users u on u.id = ur.userid and coalesce(u.user_status, '0') = '0'
 group by r.id, r.orgtypeid, r.name
 order by r.orgtypeid, r.name, r.id
"""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a role may do or not: `label` is what people call it (English; the pages
    translate it), `path` the address where it is done."""

    label: str
    path: str


DEEDS = Contributions(Deed, lambda deed: deed.label)
OWN_DEEDS = (
    Deed("Read the audit trail", "/app_audit/get_app_audit.dspy"),
    Deed("Look after users", "/appbase/user_invite.dspy"),
)


@answering("GET")
async def role_matrix(request: web.Request, params: Mapping[str, Any]) -> web.StreamResponse:
    """
    Return `{data: {deeds: [label], roles: [{role, users, may: [bool]}]}}`, the deeds in the order
    of the modules; of the roles those that may do something or have users, at most 200.
    """
    check_params({}, params)
    rights, find = await request.app[RBAC].rights(), request.app[WEB_PATHS].find
    paths = [deed.path if (target := find(deed.path)) is None else target.url for deed in DEEDS]
    async with reading("sage") as sor:
        rows = await sor.sqlExe(_ROLES, {})
    roles = []
    for row in rows:
        if row.roleid in OWN_ROLES:
            continue
        name = role_name(row)
        effective = effective_roles([name], signed_in=True)
        may = [rights.allows(effective, path) for path in paths]
        if any(may) or row.users:
            roles.append({"role": name, "users": int(row.users), "may": may})
    return json_response(
        {"data": {"deeds": [deed.label for deed in DEEDS], "roles": roles[:MAX_ROLES]}}
    )
