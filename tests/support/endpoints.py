"""Every `.dspy` that takes parameters, found by walking the web roots, with a body it accepts."""

import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from app.schema.tables import ROOT, Table, tables
from tests.support.installation import PASSWORDS, Installation
from tests.support.selling import link, make_distributor, make_pipeline, new_key, post

MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")
_TABLE_ACTION = re.compile(r"(?P<table>\w+)_(?P<action>create|update|delete)")
# Parameters that endpoints beside those of the tables take.
_OTHER_NAMES = (
    "id pipeline_id distributor_id version_no lock_version notes reason replace_draft status from"
    " to order step_key stage step_no new_stage enabled lines q month format page rows code sort"
    " field table tblvalue tbltext cond value grace_hours expires_at everywhere username password"
    " group_by day steps day_from day_to data_filter path user"
).split()
_API_NAMES = (
    "pipeline client_ref lease_seconds status error lines call_no calls idempotency_key unit"
    " quantity step_key model"
).split()
CALL_PRICE = {"unit": "call", "unit_price": "1", "currency": "CNY"}
_numbers = itertools.count(1)


def listed_tables() -> dict[str, Table]:
    """The tables with a list page of their own, by name; others are only kept by the program."""
    return {
        name: table
        for name, table in tables().items()
        if (ROOT / table.module / "json" / f"{name}.json").exists()
    }


@dataclass(frozen=True)
class Endpoint:
    """One address that takes parameters by POST."""

    url: str
    name: str
    names: list[str] = field(default_factory=list)
    table: Table | None = None
    action: str = ""

    @property
    def is_api(self) -> bool:
        """Whether distributors' programs call it, with a key."""
        return "/v1/" in self.url

    @property
    def may_miss(self) -> bool:
        """Whether its parameters name something that may not be there, beside ids."""
        return self.table is None


@cache
def endpoints() -> list[Endpoint]:
    """All of them, by URL."""
    all_endpoints = [_endpoint(url) for url in _urls()]
    return sorted(all_endpoints, key=lambda endpoint: endpoint.url)


def _urls() -> list[str]:
    scripts: list[tuple[str, Path]] = []
    for module in MODULES:
        root = ROOT / module / "wwwroot"
        scripts += [(f"/{module}/{p.relative_to(root)}", p) for p in root.rglob("*.dspy")]
    host = ROOT / "app/wwwroot"
    scripts += [
        (f"/{p.relative_to(host)}", p)
        for p in host.rglob("*.dspy")
        if not any(part in MODULES for part in p.relative_to(host).parts)
    ]
    return [
        url.removesuffix("/index.dspy") for url, _ in scripts if "/get_" not in url or "api" in url
    ]


def _endpoint(url: str) -> Endpoint:
    name = url.rpartition("/")[2].removesuffix(".dspy")
    match = _TABLE_ACTION.fullmatch(name)
    if match and match["table"] in tables():
        table = tables()[match["table"]]
        names = [*table.columns, "reason", "lines", "new_stage"]
        return Endpoint(url, name, names, table, match["action"])
    return Endpoint(url, name, _API_NAMES if "/v1/" in url else _OTHER_NAMES)


class World:
    """What the endpoints act upon; a row that was deleted is made again."""

    def __init__(self, server: Installation, admin: httpx.Client) -> None:
        self.start = time.strftime("%Y-%m-%d %H:%M:%S")
        self._server = server
        self._admin = admin
        self._rows: dict[str, str] = {}
        self._pipeline = make_pipeline(admin, prices=[CALL_PRICE])
        self._buyer = make_distributor(admin, currency="CNY")
        link(admin, self._buyer, self._pipeline)
        self._key = new_key(admin, self._buyer)
        self._other = server.anonymous()

    def client(self, endpoint: Endpoint) -> httpx.Client:
        """Who calls it: nobody signed in for the API and for signing in and out."""
        signs = endpoint.name in ("login", "logout")
        return self._other if endpoint.is_api or signs else self._admin

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """What it wants beside the body."""
        if not endpoint.is_api:
            return {}
        return {
            "Authorization": f"Bearer {self._key}",
            "Idempotency-Key": f"fuzz-{next(_numbers)}",
        }

    def row(self, table: str, row_id: str) -> dict[str, Any]:
        """The row as the database has it."""
        (record,) = self._server.query(f"select * from `{table}` where id = %s", row_id)
        return record

    def good_body(self, endpoint: Endpoint) -> dict[str, Any]:
        """A body that the endpoint accepts, as far as this file knows one."""
        if endpoint.name == "login":
            self._server.query("delete from app_login_attempt")
            return {"username": "viewer", "password": PASSWORDS["viewer"]}
        if endpoint.table is not None:
            return self._of_table(endpoint.table.name, endpoint.action)
        if endpoint.is_api:
            return self._of_api(endpoint.name)
        maker = _OTHERS.get(endpoint.name)
        return maker(self) if maker else {}

    def _of_table(self, table: str, action: str) -> dict[str, Any]:
        if action == "create":
            return self._new(table)
        row = self._existing(table)
        if action == "delete":
            return {"id": row["id"]} | ({"reason": "r"} if table == "pipeline_usage_log" else {})
        return {"id": row["id"], "lock_version": row["lock_version"], **_CHANGES[table]}

    def _existing(self, table: str) -> dict[str, Any]:
        row_id = self._rows.get(table)
        rows = self._server.query(f"select * from `{table}` where id = %s", row_id)
        # What is history takes no changes: a price that was switched on is.
        is_history = bool(rows) and table == "pipeline_pricing" and rows[0]["enabled"]
        if not rows or is_history or rows[0].get("status") in ("archived", "voided", "published"):
            path = f"/{tables()[table].module}/api/{table}_create.dspy"
            self._rows[table] = post(self._admin, path, **self._new(table))["id"]
            rows = self._server.query(f"select * from `{table}` where id = %s", self._rows[table])
        return rows[0]

    def _new(self, table: str) -> dict[str, Any]:
        number = next(_numbers)
        return _NEW[table](self, number)

    def fresh_pipeline(self) -> str:
        """A pipeline that has nothing yet."""
        number = next(_numbers)
        path = "/pipeline_core/api/pipelines_create.dspy"
        return str(post(self._admin, path, code=f"fresh-{number}", name="Fresh")["id"])

    def state_of(self, pipeline_id: str) -> str:
        """What a pipeline's page shows it to be like."""
        path = "/pipeline_core/api/pipeline_editor.dspy"
        return str(post(self._admin, path, pipeline_id=pipeline_id)["state"])

    def draft(self) -> dict[str, Any]:
        """The pipeline whose steps are changed, as it is now."""
        if "draft" not in self._rows:
            self._rows["draft"] = make_pipeline(self._admin, publish=False)["id"]
        record = self.row("pipelines", self._rows["draft"])
        if record["status"] == "archived":
            del self._rows["draft"]
            return self.draft()
        return record

    def _of_api(self, name: str) -> dict[str, Any]:
        lines = [{"unit": "call", "quantity": "1"}]
        code = self._pipeline["code"]
        if name == "finish":
            begin = self._other.post(
                "/pipeline_dist/v1/calls", json={"pipeline": code},
                headers={"Authorization": f"Bearer {self._key}",
                         "Idempotency-Key": f"fuzz-{next(_numbers)}"},
            ).json()  # fmt: skip
            return {"call_no": begin["call_no"], "status": "succeeded", "lines": lines}
        body = {"pipeline": code, "status": "succeeded", "lines": lines}
        return {
            "calls": {"pipeline": code},
            "quote": {"pipeline": code, "lines": lines},
            "batch": {"calls": [body | {"idempotency_key": f"batch-{next(_numbers)}"}]},
        }.get(name, {})

    @property
    def pipeline_id(self) -> str:
        """The published pipeline."""
        return str(self._pipeline["id"])

    @property
    def buyer_id(self) -> str:
        """The distributor that is not the one of the key."""
        if "buyer" not in self._rows:
            self._rows["buyer"] = make_distributor(self._admin)["id"]
        return self._rows["buyer"]


_CHANGES: dict[str, dict[str, Any]] = {
    "pipelines": {"name": "Renamed"}, "pipeline_steps": {"name": "Renamed"},
    "pipeline_versions": {"notes": "New"}, "pipeline_pricing": {"enabled": 0},
    "pipeline_capacity": {"daily_quota": 9}, "pipeline_usage_log": {"remark": "New"},
    "distributors": {"contact": "New"}, "distributor_pipeline": {"enabled": 1},
}  # fmt: skip
_NEW: dict[str, Callable[[World, int], dict[str, Any]]] = {
    "pipelines": lambda w, n: {"code": f"fuzz-{n}", "name": f"Fuzz {n}"},
    "pipeline_steps": lambda w, n: {
        "pipeline_id": w.draft()["id"], "step_key": f"s{n}", "name": "S"
    },
    "pipeline_versions": lambda w, n: _draft_change(w, n),
    "pipeline_pricing": lambda w, n: {
        "pipeline_id": w.pipeline_id, "unit": f"unit{n}", "unit_price": "2.5", "enabled": 0
    },
    "pipeline_capacity": lambda w, n: {"pipeline_id": w.fresh_pipeline(), "daily_quota": 5},
    "pipeline_usage_log": lambda w, n: {
        "pipeline_id": w.pipeline_id, "unit": "call", "quantity": "1"
    },
    "distributors": lambda w, n: {"code": f"fuzz-{n}", "name": f"Fuzz {n}"},
    "distributor_pipeline": lambda w, n: {
        "distributor_id": w.buyer_id, "pipeline_id": w.fresh_pipeline()
    },
}  # fmt: skip


def _draft_change(world: World, number: int) -> dict[str, Any]:
    pipeline = world.draft()
    path = "/pipeline_core/api/pipelines_update.dspy"
    post(
        world._admin,
        path,
        id=pipeline["id"],
        lock_version=pipeline["lock_version"],
        name=f"Line {number}",
    )
    return {"pipeline_id": pipeline["id"]}


def _of_draft(**more: Any) -> Callable[[World], dict[str, Any]]:
    def make(world: World) -> dict[str, Any]:
        pipeline = world.draft()
        return {"pipeline_id": pipeline["id"], "lock_version": pipeline["lock_version"], **more}

    return make


def _month_to_close() -> str:
    """A month of long ago behind that of the call before: they close in order."""
    year, month = divmod(next(_month_numbers), 12)
    return f"{2001 + year}-{month + 1:02d}"


_month_numbers = itertools.count()
_OTHERS: dict[str, Callable[[World], dict[str, Any]]] = {
    "pipeline_publish": lambda w: {"pipeline_id": w.draft()["id"], "notes": "Again"},
    "pipeline_rollback": lambda w: {
        "pipeline_id": w.pipeline_id, "version_no": 1, "reason": "Because"
    },
    "pipeline_draft_load": lambda w: {
        "pipeline_id": w.pipeline_id, "version_no": 1, "replace_draft": 1,
        "state": w.state_of(w.pipeline_id),
    },
    "pipeline_approval_set": lambda w: {
        "pipeline_id": (line := w.draft()["id"]), "needs_approval": 1, "state": w.state_of(line)
    },
    "pipeline_set_status": lambda w: {"pipeline_id": w.draft()["id"], "status": "draft"},
    "pipeline_steps_reorder": _of_draft(order=[["answer"]]),
    "pipeline_steps_move": _of_draft(step_key="answer", stage=1),
    "pipeline_steps_duplicate": _of_draft(step_key="answer"),
    "pipeline_steps_enable": _of_draft(step_key="answer", enabled=1),
    "pipeline_validate": lambda w: {"pipeline_id": w.pipeline_id},
    "pipeline_validate_view": lambda w: {"pipeline_id": w.pipeline_id},
    "pipeline_diff": lambda w: {"pipeline_id": w.pipeline_id, "from": "live", "to": "draft"},
    "price_quote": lambda w: {
        "pipeline_id": w.pipeline_id, "lines": [{"unit": "call", "quantity": "1"}]
    },
    "price_preview": lambda w: {
        "month": "2026-11",
        "prices": [{"pipeline_id": w.pipeline_id, "unit": "call", "unit_price": "1"}],
    },
    "distributor_generate_key": lambda w: {"id": w.buyer_id},
    "distributor_adjust": lambda w: {
        "distributor_id": w.buyer_id, "amount": "-1.5", "reason": "goodwill"
    },
    "distributor_topup": lambda w: {
        "distributor_id": w.buyer_id, "amount": "10", "reason": "transfer", "reference": "t-1"
    },
    "distributor_revoke_key": lambda w: {"id": w.buyer_id},
    "distributor_statement": lambda w: {"distributor_id": w.buyer_id, "month": "2026-11"},
    "distributor_statement_lines": lambda w: {"distributor_id": w.buyer_id, "month": "2026-11"},
    "distributor_statement_view": lambda w: {"distributor_id": w.buyer_id, "month": "2026-11"},
    "distributor_statement_page": lambda w: {"distributor_id": w.buyer_id, "month": "2026-11"},
    "distributor_statement_mail": lambda w: {"distributor_id": w.buyer_id, "month": "2026-11"},
    "statement_list": lambda w: {"month": "2026-11"},
    "statement_close": lambda w: {"distributor_id": w.buyer_id, "month": _month_to_close()},
    "get_code": lambda w: {"table": "pipelines", "tblvalue": "id", "tbltext": "name"},
    "import_rows": lambda w: {
        "table": "pipelines", "columns": ["code", "name"], "rows": [["x", "X"]], "dry_run": 1
    },
    "get_search_pipeline_id": lambda w: {"q": "a"},
    "get_search_distributor_id": lambda w: {"q": "a"},
}  # fmt: skip
