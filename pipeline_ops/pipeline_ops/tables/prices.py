"""
The price list of a line, pipeline_pricing.

What has been in force is history, see pipeline_ops/rules/price_changes.py. Every change raises the
line's `terms_no`, and the price keeps the number at which it, and its end, was recorded: so it
never reaches a call that began before. All changes to one line's prices wait for each other on the
line's own row, and write it, so that two prices for the same use never overlap in time. A price
with a distributor is that distributor's own, and changed under the lock of its row, taken first.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from app.global_func import (
    NOTHING_TO_CHANGE,
    OUT_OF_ORDER,
    TIME_IS_OVER,
    Actor,
    Deletion,
    FieldRule,
    InUse,
    InvalidFields,
    Record,
    SafeSqlor,
    TableService,
    Values,
    check_in_force,
    check_lock_version,
    check_params,
    check_references,
    delete_row,
    get_row,
    insert_row,
    new_id,
    now,
    settings,
    table,
    update_locked_row,
    without_unchanged,
)
from pipeline_ops.errors import (
    BEFORE_NOW,
    CONFIRM_CURRENCY,
    NEEDED_BY_PRICE_TYPE,
    NOT_OF_PRICE_TYPE,
    PRICE_USED,
)
from pipeline_ops.rules.price_changes import (
    CHANGE_FROM,
    NOTE,
    NOW,
    change_of,
    ended_at,
    is_draft,
    is_over,
)
from pipeline_ops.rules.terms import EVERYBODY
from pipeline_ops.tables.price_choices import check_step
from pipeline_ops.tables.price_overlaps import check_overlap, overlapping
from pipeline_ops.tables.price_owners import check_owner, tell_owners

TABLE = "pipeline_pricing"

# What a price of each type must say, and what belongs to the other type.
_NEEDED = {"unit": ("unit_price",), "package": ("package_size", "package_price")}
_FOREIGN: dict[str, dict[str, Any]] = {
    "unit": {"package_size": None, "package_price": None},
    "package": {"unit_price": None, "unit_size": 1},
}
# Yes to all that is asked: for who makes prices of what was said yes to before.
CONFIRMED = {"confirm_currency": 1, "confirm_step": 1}
_NO_SUCCESSOR = {"succeeded_by": None, "former_to": None}
# A time or the word now, which is one only when the row is locked.
CHANGE_FROM_RULE = FieldRule(kind="str", length=40)
_CHANGE_FROM = {CHANGE_FROM: FieldRule(kind="datetime")}


class PriceService(TableService):
    """
    Prices of lines; all of one line wait for each other on the line's row.

    Raises Conflict `price_overlap`, `confirm_currency`, `confirm_step`, and `in_use` where history
    would change.
    """

    table = TABLE
    extra: ClassVar[Mapping[str, FieldRule]] = {
        "confirm_currency": FieldRule(kind="bool", default=0),
        "confirm_step": FieldRule(kind="bool", default=0),
    }
    update_extra: ClassVar[Mapping[str, FieldRule]] = {**extra, CHANGE_FROM: CHANGE_FROM_RULE}
    confirmed = CONFIRMED

    def defaults(self, params: Values) -> Values:
        return with_currency(params)

    async def lock(self, sor: SafeSqlor, record_id: str) -> Record:
        price = await get_row(sor, TABLE, record_id)
        await check_references(sor, TABLE, price)  # locks the distributor, then the line
        return await super().lock(sor, record_id)

    async def before_create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Values:
        columns = {name: value for name, value in values.items() if name not in self.extra}
        price = complete({"distributor_id": EVERYBODY, **columns}, columns)
        _check_in_force(price["distributor_id"], price)
        await check_references(sor, TABLE, price)  # locks the distributor, then the line
        await check_owner(sor, price)
        await check_step(sor, price, values)
        await _check_currency(sor, price, values)
        await check_overlap(sor, price)
        return price | await _numbers(sor, price)

    async def update(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, values: Values, actor: Actor
    ) -> Record:
        """
        Edit a draft; end a price in force, or end it and let another one succeed it.

        Answers the record, of a successor with `ended`: the price before it. Raises as `change_of`
        does, NotFound, EditConflict, Conflict.
        """
        current = await self.lock(sor, record_id)
        check_lock_version(TABLE, current, lock_version)
        columns = {name: value for name, value in values.items() if name not in self.update_extra}
        if not columns:
            raise NOTHING_TO_CHANGE()
        moment = now()
        # A form that changes the type sends along what the price was; that goes without a word.
        new = {
            name: value
            for name, value in without_unchanged(TABLE, current, columns).items()
            if value != current[name]
        }
        _check_in_force(current["distributor_id"], new)
        change = change_of(current, new, change_from(values, moment), moment)
        if change.successor is not None:
            return await _succeed(sor, current, change.row, change.successor, values, actor)
        if not change.row.keys() - {NOTE}:
            return await update_locked_row(sor, TABLE, current, change.row, actor)
        if not is_draft(current, moment):
            return await _end(sor, current, change.row, actor)
        return await _edit(sor, current, change.row, values, actor)

    async def delete(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, actor: Actor
    ) -> Record:
        """Delete a draft, whose predecessor gets back the end that it had; end a price in force."""
        current = await self.lock(sor, record_id)
        check_lock_version(TABLE, current, lock_version)
        moment = now()
        if not is_draft(current, moment):
            return await _end(sor, current, ended_at(current, moment), actor)
        if referrers := await _referrers(sor, current):
            raise InUse(referrers)
        await delete_row(sor, TABLE, current, actor)
        await _give_back_end(sor, current, await _end_number(sor, current), moment, actor)
        return current

    async def restore(self, sor: SafeSqlor, deletion: Deletion, actor: Actor) -> Record:
        """Put a draft back; the price that it was to follow ends where it begins, if that is still
        in force then. What was to begin meanwhile begins now: nothing reaches back."""
        values = self.values_of(deletion)
        await check_references(sor, TABLE, values)  # locks the distributor, then the line
        moment = now()
        start = values["effective_from"] = max(values["effective_from"], moment)
        if values["effective_to"] is not None and values["effective_to"] <= start:
            raise TIME_IS_OVER()
        new = {name: value for name, value in values.items() if name not in self.extra}
        former_id = deletion.row.before.get("replaces")
        if former_id and values["enabled"]:
            former = await overlapping(sor, new)
            if former and former["id"] == former_id and former["effective_from"] < start:
                current = await get_row(sor, TABLE, former_id, lock=True)
                return await _succeed(sor, current, {"effective_to": start}, new, values, actor)
        return await self.create(sor, values, actor)


SERVICE = PriceService()


def later_start(values: Values) -> datetime | None:
    """Return from when a request wants its prices to hold, None: at once. Raises InvalidFields,
    also for a time that is over."""
    moment = now()
    start = change_from(values, moment)
    if start is not None and start < moment:
        raise InvalidFields([BEFORE_NOW(CHANGE_FROM)])
    return None if start == moment else start


def change_from(values: Values, moment: datetime) -> datetime | None:
    """Return from when a change is to hold, if a request says so; raises InvalidFields."""
    text = values.get(CHANGE_FROM)
    if text == NOW:
        return moment
    start: datetime | None = check_params(_CHANGE_FROM, {CHANGE_FROM: text})[CHANGE_FROM]
    return start


async def _edit(
    sor: SafeSqlor, current: Record, new: Values, values: Values, actor: Actor
) -> Record:
    """Change the draft *current*."""
    # Rows of before prices had a history may be switched off, and used.
    if referrers := await _referrers(sor, current):
        raise PRICE_USED(extra={"referrers": referrers})
    price = complete({**current, **new}, new)
    await check_owner(sor, price)
    if "step_key" in new:
        await check_step(sor, price, values)
    if "currency" in new:
        await _check_currency(sor, price, values)
    await check_overlap(sor, price)
    row = {name: price[name] for name in {*new, *_FOREIGN[price["pricing_type"]]}}
    return await update_locked_row(
        sor, TABLE, current, row | await _numbers(sor, current), actor
    )  # fmt: skip


async def _end(sor: SafeSqlor, current: Record, new: Values, actor: Actor) -> Record:
    """Change the end of *current*, which is in force."""
    await check_overlap(sor, {**current, **new})
    # Who sets the end by hand does not mean the one of before the successor.
    end = {**new, **await _end_number(sor, current), **_NO_SUCCESSOR}
    return await update_locked_row(sor, TABLE, current, end, actor)


async def _succeed(
    sor: SafeSqlor, current: Record, end: Values, new: Values, values: Values, actor: Actor
) -> Record:
    """End *current* by the columns *end*, and let a price that differs from it by *new* begin."""
    settable = [name for name, column in table(TABLE).columns.items() if not column.server_set]
    price = complete({**{name: current[name] for name in settable}, **new}, new)
    await check_owner(sor, price)
    if "step_key" in new:
        await check_step(sor, price, values)
    numbers = await _numbers(sor, current)
    successor = {"id": new_id(), **price, **numbers, "replaces": current["id"]}
    old = await update_locked_row(
        sor,
        TABLE,
        current,
        {
            **end,
            "end_terms_no": numbers["end_terms_no"],
            "former_to": current["effective_to"],
            "succeeded_by": successor["id"],
        },
        actor,
    )
    await _check_currency(sor, successor, values, old_id=current["id"])
    await check_overlap(sor, successor)
    return {**await insert_row(sor, TABLE, successor, actor), "ended": old}


async def _give_back_end(
    sor: SafeSqlor, successor: Record, number: Values, moment: datetime, actor: Actor
) -> None:
    """Give the price that *successor*, which is deleted, was to follow the end that it had, as far
    as no other price has come in between; recorded at *number*."""
    price = await sor.one(
        "select * from pipeline_pricing where pipeline_id = ${pipeline_id}$"
        " and succeeded_by = ${id}$ for update",
        successor,
    )
    if price is None or is_over(price, moment):
        return
    end = price["former_to"]
    other = await overlapping(
        sor, {**price, "effective_from": price["effective_to"], "effective_to": end}
    )
    if other is not None:
        end = other["effective_from"]
    columns = {"effective_to": end, **number, **_NO_SUCCESSOR}
    await update_locked_row(sor, TABLE, price, columns, actor)


async def _numbers(sor: SafeSqlor, price: Values) -> dict[str, int]:
    """Return the columns that say when a price of this line, and its end, is recorded: now."""
    number = await raise_terms_no(sor, price["pipeline_id"])
    return {"terms_no": number, "end_terms_no": number}


async def _end_number(sor: SafeSqlor, price: Values) -> dict[str, int]:
    """Return the column that says when the end of a price of this line is recorded: now."""
    return {"end_terms_no": await raise_terms_no(sor, price["pipeline_id"])}


async def raise_terms_no(sor: SafeSqlor, pipeline_id: str) -> int:
    """
    Raise the number of the line, whose row is locked, and return it.

    It is written, not counted here: so two changes on two database nodes have a row in common, and
    one of them is done again.
    """
    values = {"id": pipeline_id}
    await sor.sqlExe("update pipelines set terms_no = terms_no + 1 where id = ${id}$", values)
    row = await sor.one("select terms_no from pipelines where id = ${id}$ for update", values)
    assert row is not None
    number = int(row["terms_no"])
    await tell_owners(sor, pipeline_id, number)
    return number


def with_currency(params: Values) -> Values:
    """Return *params* with the installation's currency where none is named."""
    if params.get("currency") not in (None, ""):
        return params
    return {**params, "currency": settings().default_currency}


# No index begins with the price, and each one more costs every admission. That of a distributor's
# month has it next: the pairs are few, and found by leaps; each is then asked for the price.
_USED = (
    "select u.call_no as id"
    " from (select distinct distributor_id, month_key from pipeline_usage_log) m"
    " straight_join pipeline_usage_log u force index (pipeline_usage_log_distributor_month)"
    " on u.distributor_id <=> m.distributor_id and u.month_key = m.month_key"
    " and u.pricing_id = ${id}$ limit 1"
)


async def _referrers(sor: SafeSqlor, price: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name the ledger, if it has used the price."""
    usage = await sor.one(_USED, price)
    if usage is None:
        return []
    return [{"table": "pipeline_usage_log", "id": usage["id"], "label": "pipeline_usage_log"}]


def complete(values: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return *values* with what follows from the price's type and a start.

    Raises InvalidFields, also for *new* values that a price of this type has no place for.
    """
    price = {**values, "effective_from": values.get("effective_from") or now()}
    kind = price["pricing_type"]
    problems = [NEEDED_BY_PRICE_TYPE(name) for name in _NEEDED[kind] if price.get(name) is None]
    problems += [
        NOT_OF_PRICE_TYPE(name)
        for name, blank in _FOREIGN[kind].items()
        if new.get(name) not in (None, blank)
    ]
    end = price.get("effective_to")
    if end is not None and end <= price["effective_from"]:
        problems.append(OUT_OF_ORDER("effective_to"))
    if problems:
        raise InvalidFields(problems)
    return price | _FOREIGN[kind]


def _check_in_force(distributor_id: str, values: Values) -> None:
    """Raise InvalidFields where a general price is to be in a currency of the past; a distributor's
    own is in that distributor's."""
    if distributor_id == EVERYBODY and "currency" in values:
        check_in_force(values["currency"])


async def _check_currency(
    sor: SafeSqlor, price: Values, values: Values, *, old_id: str = ""
) -> None:
    """Raise Conflict `confirm_currency` where the line has prices, and none in the currency of
    *price*; *old_id* is the id of one that does not count. With the word of *values* it may."""
    if values.get("confirm_currency"):
        return
    others = await sor.firsts(
        "select distinct currency from pipeline_pricing where pipeline_id = ${pipeline_id}$"
        " and id not in (${id}$, ${old_id}$)"
        " and (effective_to is null or effective_to > ${moment}$) order by currency",
        {"id": "", **price, "old_id": old_id, "moment": now()},
    )
    if others and price["currency"] not in others:
        raise CONFIRM_CURRENCY(
            extra={"ask": {"name": "confirm_currency", "kind": "bool", "default": 1}},
            others=", ".join(others),
            currency=price["currency"],
        )
