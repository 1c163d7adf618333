"""
Which distributor may call which line, on what terms.

The counters of a link count the calls of the pair. A new link has none yet: admission takes them
up from the ledger, so that a link made again goes on where the one before it was. A call keeps the
link's terms of when it began; so a link may be changed and deleted while calls of the pair run.

The distributor's own prices are rows of pipeline_pricing. They live with the link: its deletion
ends them. `fixed_prices` is a short way to set all of them at once, `price_changes` one to change
some and leave the others alone.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from app.global_func import (
    NOTHING_TO_CHANGE,
    OUT_OF_ORDER,
    Actor,
    Deletion,
    FieldProblem,
    FieldRule,
    InvalidFields,
    Record,
    SafeSqlor,
    TableService,
    Values,
    check_lock_version,
    check_references,
    get_row,
    lock_parent,
    share_message,
)
from pipeline_core.draft.context import PipelineFacts, Referrer
from pipeline_dist.accounts.rows import link_of
from pipeline_dist.accounts.thresholds import events_of_link_limits, name_pipelines
from pipeline_dist.errors import (
    CONFIRM_DISCOUNT,
    DISCOUNT_OUT_OF_RANGE,
    DISCOUNT_REQUIRED,
    MEANS_NOTHING_BESIDE,
    NOT_LINKED,
)
from pipeline_dist.events.outbox import keep_price_change, keep_share_change, keep_switch
from pipeline_dist.events.price_news import share_of
from pipeline_dist.events.store import add_events
from pipeline_ops.errors import WRONG_CURRENCY
from pipeline_ops.ledger.past_counters import Owner, drop_past
from pipeline_ops.rules.price_changes import CHANGE_FROM
from pipeline_ops.rules.terms import PricingMode
from pipeline_ops.tables.own_prices import (
    edit_own_prices,
    end_own_prices,
    own_prices,
    restore_own_prices,
    set_own_prices,
)
from pipeline_ops.tables.price_lists import check_price_edits, check_prices
from pipeline_ops.tables.price_owners import PriceOwners
from pipeline_ops.tables.prices import CHANGE_FROM_RULE, later_start

TABLE = "distributor_pipeline"
FACTS = PipelineFacts(referrers=(Referrer(TABLE, "{count} distributor(s) who sell it"),))
_PRICES = "fixed_prices"
_EDITS = "price_changes"
_CONFIRM = "confirm_discount"
# Below it somebody may have typed 0.85, or 8.5 for 8.5 折, where 85% was meant.
_MIN_USUAL_SHARE = Decimal("0.1")
_LIMITS = {"daily_quota", "monthly_quota"}


class LinkService(TableService):
    """
    Links of a distributor and a line, one a pair.

    Records that it makes and changes have `fixed_prices`: the own prices in force.
    """

    table = TABLE
    extra: ClassVar[Mapping[str, FieldRule]] = {
        _PRICES: FieldRule(kind="json", json="list"),
        _CONFIRM: FieldRule(kind="bool", default=0),
    }
    update_extra: ClassVar[Mapping[str, FieldRule]] = {
        **extra,
        _EDITS: FieldRule(kind="json", json="list"),
        CHANGE_FROM: CHANGE_FROM_RULE,
    }
    confirmed: ClassVar[Values] = {_CONFIRM: 1}

    async def lock(self, sor: SafeSqlor, record_id: str) -> Record:
        link = await get_row(sor, TABLE, record_id)
        # The lock that admission takes first: no call begins between a look and a delete. And the
        # currency stays while prices are held against it.
        await lock_parent(sor, "distributors", link["distributor_id"])
        return await super().lock(sor, record_id)

    async def create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Record:
        link, prices = _split(values)
        return await _with_prices(sor, await super().create(sor, link, actor), prices, actor)

    async def update_from(self, params: Values, actor: Actor, view: Any = None) -> Record:
        # No list is an empty one: what a request does not name stays.
        if params.get(_PRICES, _PRICES) in (None, ""):
            params = {**params, _PRICES: []}
        return await super().update_from(params, actor, view)

    async def update(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, values: Values, actor: Actor
    ) -> Record:
        new, prices = _split(values)
        edits = new.pop(_EDITS, None)
        edits = None if edits is None else edits.value
        if prices is not None and edits is not None:
            raise InvalidFields([MEANS_NOTHING_BESIDE(_EDITS, main=_PRICES)])
        # From when the prices are to hold; terms of the link change at once.
        start = later_start(new)
        new.pop(CHANGE_FROM, None)
        if not new.keys() - {_CONFIRM} and prices is None and not edits:
            raise NOTHING_TO_CHANGE()
        if edits and not new.keys() - {_CONFIRM}:
            # The link stays as it is: who changes other prices meanwhile is not in the way.
            link = await self.lock(sor, record_id)
            check_lock_version(TABLE, link, lock_version)
        else:
            link = await super().update(sor, record_id, lock_version, new, actor)
        if edits:
            await _edit_prices(sor, link, edits, actor, start)
        result = await _with_prices(sor, link, prices, actor, start)
        if _LIMITS & new.keys():
            events = events_of_link_limits(link_of(link))
            await add_events(sor, await name_pipelines(sor, events))
        return result

    async def before_create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Values:
        values, is_confirmed = _without_confirmation(values)
        await check_references(sor, TABLE, values)
        _check_terms(values, values)
        if not is_confirmed:
            _ask_back({}, values)
        # Another database node may have written one after an earlier link was deleted.
        await drop_past(sor, Owner(values["distributor_id"], values["pipeline_id"]))
        return values

    async def before_update(
        self, sor: SafeSqlor, current: Record, values: Values, actor: Actor
    ) -> Values:
        values, is_confirmed = _without_confirmation(values)
        new = {**current, **values}
        _check_terms(new, values)
        if not is_confirmed:
            _ask_back(current, new)
        pair = (current["distributor_id"], current["pipeline_id"])
        if bool(new["enabled"]) != bool(current["enabled"]):
            await keep_switch(sor, pair, enabled=bool(new["enabled"]))
        elif new["enabled"]:
            shares = (share_of(row["pricing_mode"], row["discount_rate"]) for row in (current, new))
            await keep_share_change(sor, pair, *shares)
        return values

    async def before_delete(self, sor: SafeSqlor, current: Record, actor: Actor) -> None:
        pair = (current["distributor_id"], current["pipeline_id"])
        await end_own_prices(sor, *pair, actor)
        await drop_past(sor, Owner(*pair))

    async def restore(self, sor: SafeSqlor, deletion: Deletion, actor: Actor) -> Record:
        """Link the two again, by the own prices that there were: from now, and to come."""
        link = await super().restore(sor, deletion, actor)
        await restore_own_prices(sor, deletion.together, actor)
        return await _with_prices(sor, link, None, actor)


SERVICE = LinkService()


async def _price_problems(sor: SafeSqlor, price: Values) -> list[FieldProblem]:
    row = await sor.one(
        "select d.currency, l.id as link_id from distributors d left join distributor_pipeline l"
        " on l.distributor_id = d.id and l.pipeline_id = ${pipeline_id}$"
        " where d.id = ${distributor_id}$ for update",
        price,
    )
    assert row is not None  # its row is locked
    problems = [] if row["link_id"] else [NOT_LINKED("distributor_id")]
    if price["currency"] != row["currency"]:
        problems.append(WRONG_CURRENCY("currency", currency=row["currency"]))
    return problems


# Lets pipeline_ops ask whether a price can be a distributor's own, and say that prices change.
PRICE_OWNERS_OF_DIST = PriceOwners(_price_problems, keep_price_change)


def _split(values: Values) -> tuple[dict[str, Any], list[Any] | None]:
    """Return the columns of a link in *values*, and the list of prices, if one is given."""
    prices = values.get(_PRICES)
    columns = {name: value for name, value in values.items() if name != _PRICES}
    return columns, None if prices is None else prices.value


async def _with_prices(
    sor: SafeSqlor,
    link: Record,
    prices: list[Any] | None,
    actor: Actor,
    start: datetime | None = None,
) -> Record:
    """Return *link* with the own prices in force, which are *prices* from *start* on (None: from
    now), if they are given."""
    pair = (link["distributor_id"], link["pipeline_id"])
    if prices is not None:
        distributor = await get_row(sor, "distributors", link["distributor_id"], lock=True)
        checked_prices = check_prices(_PRICES, prices, distributor["currency"])
        await set_own_prices(sor, *pair, checked_prices, actor, start)
    return {**link, _PRICES: await own_prices(sor, *pair)}


async def _edit_prices(
    sor: SafeSqlor, link: Record, items: list[Any], actor: Actor, start: datetime | None
) -> None:
    """Do the edits *items* of the own prices of *link* from *start* on (None: from now)."""
    distributor = await get_row(sor, "distributors", link["distributor_id"], lock=True)
    edits = check_price_edits(_EDITS, items, distributor["currency"])
    pair = (link["distributor_id"], link["pipeline_id"])
    await edit_own_prices(sor, *pair, edits, actor, start)


def _without_confirmation(values: Values) -> tuple[dict[str, Any], bool]:
    """Return *values* without the word that a low discount is meant, and whether it is given."""
    columns = {name: value for name, value in values.items() if name != _CONFIRM}
    return columns, bool(values.get(_CONFIRM))


def _ask_back(current: Values, new: Values) -> None:
    """Raise Conflict `confirm_discount` where a link gets a discount that looks mistyped: *new* is
    all of it, *current* what it was."""
    rate = new.get("discount_rate")
    if new["pricing_mode"] != PricingMode.DISCOUNT or rate is None or rate >= _MIN_USUAL_SHARE:
        return
    if all(current.get(name) == new[name] for name in ("pricing_mode", "discount_rate")):
        return
    usual = rate.scaleb(2 if rate < _MIN_USUAL_SHARE**2 else 1)
    question = {"name": _CONFIRM, "kind": "bool", "default": 1}
    raise CONFIRM_DISCOUNT(
        extra={"ask": {**question, "instead": {"discount_rate": format(usual.normalize(), "f")}}},
        share=share_message(rate),
        usual=share_message(usual),
    )


def _check_terms(values: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Raise InvalidFields for terms of a link that do not go together; *params* are new."""
    problems = []
    # Only what is new: a link with a rate of before can still be switched off.
    rate = params.get("discount_rate")
    if rate is not None and not 0 < rate <= 1:
        problems.append(DISCOUNT_OUT_OF_RANGE("discount_rate"))
    if values["pricing_mode"] == PricingMode.DISCOUNT and values.get("discount_rate") is None:
        problems.append(DISCOUNT_REQUIRED("discount_rate"))
    start, end = values.get("valid_from"), values.get("valid_to")
    if start is not None and end is not None and end <= start:
        problems.append(OUT_OF_ORDER("valid_to"))
    if problems:
        raise InvalidFields(problems)
