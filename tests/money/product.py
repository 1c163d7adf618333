"""What one step of a history does to the product, by its endpoints; ids are kept here."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.money.acts import Step, moment_of
from tests.money.wires import Reaction, Wire, open_rows

# The codes under which the product refuses what the model calls so.
INVALID = {"invalid_fields", "bad_request"}


class Product:
    """Does steps to the product by *wire*; answers what the model is to answer too."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.cursor = open_rows(wire.installation)
        self.ids: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.requests: dict[str, tuple[str, dict[str, Any], str]] = {}

    async def do(self, step: Step) -> tuple[str | None, dict[str, Any], Any]:
        """Do *step*: the code of a refusal, what the model is to say too, and all that came."""
        action: Any = getattr(self, step["do"])
        reaction = await action(step)
        if reaction is None:
            return None, {}, None
        if reaction.code is not None:
            return reaction.code, {}, reaction.body
        return None, self.view(step, reaction), reaction.body

    def view(self, step: Step, reaction: Reaction) -> dict[str, Any]:
        """What of the answer the model says too."""
        body, kind = reaction.body, step["do"]
        if kind == "again":
            kind = step["of"]["do"]
            return self.view({"do": kind}, reaction) | {"is_replay": reaction.is_replay}
        if kind == "quote":
            return {"amounts": [Decimal(line["amount"]) for line in body["lines"]]}
        if kind == "batch":
            return {"results": [_result(result) for result in body["results"]]}
        if kind == "book_by_hand":
            return {"total": Decimal(body["total"])}
        if kind in ("begin", "book", "finish"):
            return _call_view(body)
        return {"number": body.get("number")} if kind == "close" else {}

    async def clock(self, step: Step) -> None:
        moment = moment_of(step["to"])
        assert moment is not None
        await self.wire.move_clock(moment)

    # Prices and links.

    async def price_create(self, step: Step) -> Reaction:
        fields = {
            "pipeline_id": self.ids[step["pipeline"]], "step_key": step["step"],
            "model": step["model"], "unit": step["unit"], **_price_fields(step),
            "currency": step["currency"], "effective_from": step["start"],
            "effective_to": step["end"], "enabled": step["enabled"], "confirm_currency": 1,
            "confirm_step": 1,
        }  # fmt: skip
        if step["distributor"]:
            fields["distributor_id"] = self.ids[step["distributor"]]
        return await self._create("pipeline_pricing", step["ref"], fields)

    async def price_edit(self, step: Step) -> Reaction:
        fields = {name: step[name] for name in ("enabled",) if name in step}
        if "price" in step:
            name = "package_price" if step["type"] == "package" else "unit_price"
            fields[name] = step["price"]
        fields["confirm_currency"] = 1
        return await self._update("pipeline_pricing", step["ref"], **fields)

    async def price_remark(self, step: Step) -> Reaction:
        return await self._update("pipeline_pricing", step["ref"], remark=step["remark"])

    async def price_change(self, step: Step) -> Reaction:
        reaction = await self._update("pipeline_pricing", step["ref"], **_price_fields(step),
                                      change_from=step["from"], confirm_currency=1)  # fmt: skip
        if reaction.code is None:
            self.ids[step["successor"]] = reaction.body["id"]
        return reaction

    async def price_end(self, step: Step) -> Reaction:
        if step["by"] == "disable":
            return await self._update("pipeline_pricing", step["ref"], enabled=0)
        return await self._delete("pipeline_pricing", step["ref"])

    async def price_move_end(self, step: Step) -> Reaction:
        return await self._update("pipeline_pricing", step["ref"], effective_to=step["end"])

    async def link_set(self, step: Step) -> Reaction:
        ref = f"{step['distributor']}/{step['pipeline']}"
        fields = {"pricing_mode": step["mode"], "discount_rate": step["rate"],
                  "enabled": step["enabled"], "confirm_discount": 1}  # fmt: skip
        if ref in self.ids:
            return await self._update("distributor_pipeline", ref, **fields)
        fields["distributor_id"] = self.ids[step["distributor"]]
        fields["pipeline_id"] = self.ids[step["pipeline"]]
        return await self._create("distributor_pipeline", ref, fields)

    async def link_delete(self, step: Step) -> Reaction:
        ref = f"{step['distributor']}/{step['pipeline']}"
        reaction = await self._delete("distributor_pipeline", ref)
        if reaction.code is None:
            del self.ids[ref]
        return reaction

    # Calls.

    async def begin(self, step: Step) -> Reaction:
        body = {"pipeline": self.ids[step["pipeline"] + ".code"], "lease_seconds": step["lease"]}
        if step.get("estimate") is not None:
            value = step["estimate"]
            body["estimate"] = _lines(value) if isinstance(value, list) else value
        return await self._send_call(step["ref"], step["distributor"], body)

    async def book(self, step: Step) -> Reaction:
        return await self._send_call(step["ref"], step["distributor"], self._call_body(step))

    async def batch(self, step: Step) -> Reaction:
        calls = [self._call_body(call) | {"idempotency_key": call["ref"]} for call in step["calls"]]
        key = self.keys[step["distributor"]]
        reaction = await self.wire.post(key, "calls/batch", {"calls": calls})
        if reaction.code is None:
            for call, body, result in zip(
                step["calls"], calls, reaction.body["results"], strict=True
            ):
                if result["status"] == 201:
                    own_body = {name: body[name] for name in body if name != "idempotency_key"}
                    self.requests[call["ref"]] = key, own_body, call["ref"]
                    self.ids[call["ref"]] = result["call"]["call_no"]
        return reaction

    async def book_by_hand(self, step: Step) -> Reaction:
        fields = {
            "pipeline_id": self.ids[step["pipeline"]], "status": step["status"],
            "started_at": step["started_at"], "lines": _lines(step["items"]),
        }  # fmt: skip
        if step["distributor"]:
            fields["distributor_id"] = self.ids[step["distributor"]]
        reaction = await self.wire.admin("pipeline_usage_log_create", **fields)
        if reaction.code is None:
            self.ids[step["ref"]] = reaction.body["call_no"]
        return reaction

    async def again(self, step: Step) -> Reaction:
        key, body, idempotency = self.requests[step["of"]["ref"]]
        if step["other"]:
            body = body | {"client_ref": "another"}
        return await self.wire.post(key, "calls", body, idempotency)

    async def finish(self, step: Step) -> Reaction:
        body: dict[str, Any] = {"call_no": self.ids[step["ref"]], "status": step["status"]}
        if step["status"] != "cancelled":
            body["lines"] = _lines(step["items"])
        return await self.wire.post(self.keys[step["distributor"]], "calls/finish", body)

    async def void(self, step: Step) -> Reaction:
        row = self.header(step["ref"])
        return await self.wire.admin(
            "pipeline_usage_log_delete", id=row["id"], lock_version=row["lock_version"],
            reason=step["reason"],
        )  # fmt: skip

    async def quote(self, step: Step) -> Reaction:
        body = {"pipeline": self.ids[step["pipeline"] + ".code"], "lines": _lines(step["items"])}
        return await self.wire.post(self.keys[step["distributor"]], "quote", body)

    # Accounts.

    async def rename(self, step: Step) -> Reaction:
        return await self._update("distributors", step["distributor"], name=step["name"])

    async def status(self, step: Step) -> Reaction:
        return await self._update("distributors", step["distributor"], status=step["status"])

    async def quota(self, step: Step) -> Reaction:
        fields = {"quota_period": step["period"], "quota_calls": step["calls"]}
        return await self._update("distributors", step["distributor"], **fields)

    async def limit(self, step: Step) -> Reaction:
        fields = {"spend_limit": step["limit"], "spend_period": step["period"]}
        return await self._update("distributors", step["distributor"], **fields)

    async def billing(self, step: Step) -> Reaction:
        return await self._update("distributors", step["distributor"], billing_mode=step["mode"])

    async def adjust(self, step: Step) -> Reaction:
        return await self._enter("distributor_adjust", step)

    async def topup(self, step: Step) -> Reaction:
        return await self._enter("distributor_topup", step)

    async def close(self, step: Step) -> Reaction:
        return await self.wire.admin("statement_close", month=step["month"],
                                     distributor_id=self.ids[step["distributor"]])  # fmt: skip

    # The work.

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Rows as they are in the database."""
        self.cursor.execute(sql, values)
        return list(self.cursor.fetchall())

    def header(self, ref: str) -> dict[str, Any]:
        """The header of a call."""
        sql = "select id, lock_version from pipeline_usage_log where call_no = %s and line_no = 0"
        return self.rows(sql, self.ids[ref])[0]

    async def _send_call(self, ref: str, distributor: str, body: dict[str, Any]) -> Reaction:
        key = self.keys[distributor]
        reaction = await self.wire.post(key, "calls", body, ref)
        if reaction.code is None:
            self.requests[ref] = key, body, ref
            self.ids[ref] = reaction.body["call_no"]
        return reaction

    def _call_body(self, step: Step) -> dict[str, Any]:
        return {"pipeline": self.ids[step["pipeline"] + ".code"], "status": step["status"],
                "lines": _lines(step["items"])}  # fmt: skip

    async def _create(self, table: str, ref: str, fields: dict[str, Any]) -> Reaction:
        fields = {name: value for name, value in fields.items() if value is not None}
        reaction = await self.wire.admin(f"{table}_create", **fields)
        if reaction.code is None:
            self.ids[ref] = reaction.body["id"]
        return reaction

    async def _update(self, table: str, ref: str, **fields: Any) -> Reaction:
        return await self.wire.admin(f"{table}_update", **self._place(table, ref), **fields)

    async def _delete(self, table: str, ref: str) -> Reaction:
        return await self.wire.admin(f"{table}_delete", **self._place(table, ref))

    def _place(self, table: str, ref: str) -> dict[str, Any]:
        rows = self.rows(f"select lock_version from {table} where id = %s", self.ids[ref])
        return {"id": self.ids[ref], "lock_version": rows[0]["lock_version"] if rows else 1}

    async def _enter(self, name: str, step: Step) -> Reaction:
        fields = {"amount": step["amount"], "reason": step["reason"]}
        if step["reference"]:
            fields["reference"] = step["reference"]
        return await self.wire.admin(name, distributor_id=self.ids[step["distributor"]], **fields)


def _price_fields(step: Step) -> dict[str, Any]:
    if step["type"] == "package":
        return {"pricing_type": "package", "package_size": step["size"],
                "package_price": step["price"]}  # fmt: skip
    return {"pricing_type": "unit", "unit_price": step["price"], "unit_size": step["size"]}


def _lines(items: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    return [
        {"unit": unit, "quantity": quantity}
        | ({"step_key": step} if step else {}) | ({"model": model} if model else {})
        for unit, quantity, step, model in items
    ]  # fmt: skip


def _call_view(body: dict[str, Any]) -> dict[str, Any]:
    view: dict[str, Any] = {"status": body["status"]}
    if "amount" in body:
        view["amount"] = Decimal(body["amount"])
        view["lines"] = [Decimal(line["amount"]) for line in body["lines"]]
    return view


def _result(result: dict[str, Any]) -> dict[str, Any]:
    return {"code": result["error"]["code"]} if "error" in result else _call_view(result["call"])
