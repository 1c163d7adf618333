"""Prices from a day on: one, many by a percentage, a distributor's own, those of another line."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.base.clock import iso, month_bounds, now, quota_month
from tests.support.installation import Installation
from tests.support.shop import Pipeline, Shop

UPDATE = "pipeline_ops/pipeline_pricing_update"
SOON, LATER, LATEST = (iso(datetime.now(UTC) + timedelta(days=days)) for days in (20, 40, 60))


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def prices_of(shop: Shop, pipeline: Pipeline, distributor_id: str = "") -> list[dict[str, Any]]:
    return shop.installation.query(
        "select * from pipeline_pricing where pipeline_id = %s and distributor_id = %s"
        " order by unit, effective_from, created_at",
        pipeline.id, distributor_id,
    )  # fmt: skip


def dated(rows: list[dict[str, Any]]) -> list[tuple[str, Any, bool]]:
    """Units and prices, and whether they are without an end."""
    return [(row["unit"], row["unit_price"], row["effective_to"] is None) for row in rows]


def keys_of(*prices: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": row["id"], "lock_version": row["lock_version"]} for row in prices]


def pointers(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.text
    return [one["pointer"] for one in answer.json()["errors"]]


class TestQuestion:
    def test_it_offers_now_and_the_next_quota_month(self, shop: Shop) -> None:
        (price,) = prices_of(shop, shop.pipeline())

        answer = shop.try_post(UPDATE, id=price["id"], lock_version=1, unit_price="2")

        start = month_bounds(quota_month(now()))[1]
        assert answer.json()["ask"]["choices"] == ["now", iso(start)]

    def test_a_step_that_is_not_there_is_asked_about(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        price = {"pipeline_id": pipeline.id, "unit": "call", "unit_price": "2"}
        create = "pipeline_ops/pipeline_pricing_create"

        wrong = shop.try_post(create, **price, step_key="nosuchstep")

        assert (wrong.status_code, wrong.json()["code"]) == (409, "confirm_step")
        assert wrong.json()["ask"]["name"] == "confirm_step"
        assert "it has s1" in wrong.json()["detail"]
        assert shop.post(create, **price, step_key="s1")["step_key"] == "s1"
        later = shop.post(create, **price, step_key="nosuchstep", confirm_step=1)
        draft = shop.post(create, **price | {"unit": "image"}, enabled=0)
        renamed = shop.try_post(UPDATE, id=draft["id"], lock_version=1, step_key="s9")
        assert (later["step_key"], renamed.json()["code"]) == ("nosuchstep", "confirm_step")
        empty = shop.post("pipeline_core/pipelines_create", code="stepless", name="stepless")
        first = shop.post(create, **price | {"pipeline_id": empty["id"]}, step_key="to_come")
        assert first["step_key"] == "to_come"

    def test_the_form_is_told_what_there_is(self, shop: Shop) -> None:
        pipeline = shop.pipeline(prices=[{"unit": "song", "model": "m9", "unit_price": "1"}])

        answer = shop.post("pipeline_ops/price_choices", pipeline_id=pipeline.id)

        assert answer["steps"] == [{"value": "s1", "text": "step"}]
        assert [one["value"] for one in answer["models"]] == ["m1", "m9"]
        assert {"call", "input_token", "song"} <= {one["value"] for one in answer["units"]}
        assert answer["currencies"][0] == {"value": "CNY", "text": "CNY"}


class TestPreview:
    def test_it_says_who_is_affected(self, shop: Shop) -> None:
        pipeline = shop.pipeline(
            prices=[{"unit": "call", "unit_price": "1"}, {"unit": "image", "unit_price": "3"}]
        )
        plain = shop.distributor(pipeline)
        cheaper = shop.distributor(
            pipeline, link={"pricing_mode": "discount", "discount_rate": "0.5"}
        )
        own = shop.distributor(pipeline, link={"fixed_prices": [{"unit": "call", "unit_price": 9}]})
        two = [{"unit": "call", "quantity": 1, "model": name} for name in ("a", "b")]
        for buyer, lines in ((plain, two), (cheaper, two[:1]), (own, two)):
            more = [{"unit": "image", "quantity": 1}]
            buyer.begin(pipeline, "a", status="succeeded", lines=[*lines, *more])
        plain.begin(pipeline, "b", status="succeeded", lines=two)
        call = next(row for row in prices_of(shop, pipeline) if row["unit"] == "call")
        new = {"id": call["id"], "unit_price": "1.1", "effective_from": None, "effective_to": None}

        answer = shop.post("pipeline_ops/price_preview", month=quota_month(now()), changes=[new])

        rows = {row["distributor_id"]: row for row in answer["affected"]}
        assert rows.keys() == {plain.id, cheaper.id}
        row = rows[plain.id]
        assert (row["calls"], row["lines"], row["currency"]) == (2, 4, "CNY")
        assert row["booked"] == "4.0000000000"
        assert (row["amount"], row["difference"]) == ("4.4000000000", "0.4000000000")
        assert rows[cheaper.id]["difference"] == "0.0500000000"
        assert rows[plain.id]["distributor"] == plain.code


class TestPercent:
    PATH = "pipeline_ops/price_percent"

    @pytest.fixture
    def pipeline(self, shop: Shop) -> Pipeline:
        package = {"pricing_type": "package", "package_size": 10, "package_price": "25"}
        return shop.pipeline(
            prices=[
                {"unit": "call", "unit_price": "1.11"},
                {"unit": "image", **package},
                {"unit": "second", "unit_price": "2"},
            ]
        )

    def test_many_are_changed_from_a_day_on(self, shop: Shop, pipeline: Pipeline) -> None:
        old = prices_of(shop, pipeline)
        keys = [{"id": row["id"], "lock_version": row["lock_version"]} for row in old]
        ask = {"prices": keys, "percent": "5", "decimals": 2, "change_from": LATER}

        trial = shop.post(self.PATH, **ask, dry_run=1)
        assert prices_of(shop, pipeline) == old
        answer = shop.post(self.PATH, **ask)

        words = [(row["old"], row["new"], row["is_rounded"]) for row in answer["rows"]]
        assert words == [
            ("1.110000", "1.17", True), ("25.000000", "26.25", False), ("2.000000", "2.10", False),
        ]  # fmt: skip
        assert trial["rows"] == answer["rows"]
        assert trial["next_month"] == iso(month_bounds(quota_month(now()))[1])
        rows = prices_of(shop, pipeline)
        assert len(rows) == 6
        new = [row for row in rows if row["replaces"]]
        assert [str(row["unit_price"] or row["package_price"]) for row in new] == [
            "1.170000", "26.250000", "2.100000",
        ]  # fmt: skip
        assert {iso(row["effective_from"].replace(tzinfo=UTC)) for row in new} == {LATER}

    def test_all_or_none(self, shop: Shop, pipeline: Pipeline) -> None:
        call, image, second = prices_of(shop, pipeline)
        shop.post(UPDATE, id=second["id"], lock_version=1, remark="changed")
        before = prices_of(shop, pipeline)
        keys = [{"id": row["id"], "lock_version": 1} for row in (call, image, second)]

        answer = shop.try_post(self.PATH, prices=keys, percent="-10", change_from="now")

        assert (answer.status_code, answer.json()["code"]) == (409, "edit_conflict")
        assert prices_of(shop, pipeline) == before

    @pytest.mark.parametrize(
        ("wrong", "pointer"),
        [
            ({"percent": "-100"}, "/percent"), ({"percent": "1001"}, "/percent"),
            ({"decimals": 7}, "/decimals"), ({"prices": []}, "/prices"),
            ({"change_from": "2020-01-01T00:00:00Z"}, "/change_from"),
        ],
    )  # fmt: skip
    def test_what_cannot_be(
        self, shop: Shop, pipeline: Pipeline, wrong: dict[str, Any], pointer: str
    ) -> None:
        (call, *_) = prices_of(shop, pipeline)
        answer = shop.try_post(
            self.PATH, **{"prices": keys_of(call), "percent": "5", "change_from": "now", **wrong}
        )
        assert answer.status_code == 400
        assert pointer in [one["pointer"] for one in answer.json()["errors"]]

    def test_each_price_is_chosen_as_it_was_read_and_once(
        self, shop: Shop, pipeline: Pipeline
    ) -> None:
        call, image, _ = prices_of(shop, pipeline)
        key, other = keys_of(call, image)
        ask = {"percent": "5", "change_from": "now"}

        def wrong(*items: Any) -> list[str]:
            return pointers(shop.try_post(self.PATH, prices=list(items), **ask))

        assert wrong(call["id"]) == ["/prices/0"]
        assert wrong(key, {"id": image["id"]}) == ["/prices/1/lock_version"]
        assert wrong({**key, "lock_version": "x"}) == ["/prices/0/lock_version"]
        assert wrong({**key, "lock_version": None}) == ["/prices/0/lock_version"]
        assert wrong({**key, "id": {"a": 1}}) == ["/prices/0/id"]
        assert wrong({**key, "id": "x" * 33}) == ["/prices/0/id"]
        assert wrong(key, other, key) == ["/prices/2"]
        assert wrong(*[key] * 201) == ["/prices"]
        gone = {"id": "x", "lock_version": 1}
        assert shop.try_post(self.PATH, prices=[gone], **ask).status_code == 404

    def test_rounding_neither_gives_away_nor_makes_another_change(self, shop: Shop) -> None:
        pipeline = shop.pipeline(
            prices=[
                {"unit": "call", "unit_price": "10"},
                {"unit": "free", "unit_price": "0"},
                {"unit": "input_token", "unit_price": "0.00004"},
                {"unit": "output_token", "unit_price": "0.00006"},
            ]
        )
        rows = prices_of(shop, pipeline)
        ask = {"prices": keys_of(*rows), "percent": "5", "change_from": LATER}

        for more in ({}, {"dry_run": 1}):
            answer = shop.try_post(self.PATH, **ask, decimals=4, **more)
            assert pointers(answer) == ["/prices/2", "/prices/3"]
            nothing, double = (one["detail"] for one in answer.json()["errors"])
            assert nothing.startswith("input_token: 0.00004 would be rounded to 0")
            assert double.startswith("output_token: 0.00006 would be 0.000063, and rounding")
        assert prices_of(shop, pipeline) == rows
        fine = shop.post(self.PATH, **ask)["rows"]
        assert [(row["new"], row["is_changed"]) for row in fine] == [
            ("10.500000", True), ("0.000000", False), ("0.000042", True), ("0.000063", True),
        ]  # fmt: skip
        assert len(prices_of(shop, pipeline)) == 7

    def test_more_than_a_price_can_be(self, shop: Shop) -> None:
        pipeline = shop.pipeline(prices=[{"unit": "call", "unit_price": "999999999999"}])
        ask = {"prices": keys_of(*prices_of(shop, pipeline)), "percent": "5"}

        answer = shop.try_post(self.PATH, **ask, change_from="now")

        assert pointers(answer) == ["/prices/0"]

    @pytest.mark.parametrize("more", [{}, {"dry_run": 1}])
    def test_a_trial_is_refused_like_the_work(
        self, shop: Shop, pipeline: Pipeline, more: dict[str, Any]
    ) -> None:
        call, image, second = prices_of(shop, pipeline)
        shop.post(UPDATE, id=second["id"], lock_version=1, effective_to=SOON)
        before = prices_of(shop, pipeline)
        ask = {"prices": keys_of(*before), "percent": "5", "change_from": LATER, **more}

        answer = shop.try_post(self.PATH, **ask)

        assert pointers(answer) == ["/change_from"]
        price = answer.json()["price"]
        assert (price["number"], price["unit"], price["id"]) == (2, "second", second["id"])
        stale = shop.try_post(
            self.PATH, **ask | {"prices": keys_of(call, image, {**second, "lock_version": 1})}
        )
        assert (stale.status_code, stale.json()["price"]["unit"]) == (409, "second")
        assert prices_of(shop, pipeline) == before


class TestCopy:
    PATH = "pipeline_ops/price_copy"

    def test_it_is_what_holds_then_each_until_its_end(self, shop: Shop) -> None:
        source = shop.pipeline(
            prices=[
                {"unit": "call", "unit_price": "2"},
                {"unit": "image", "unit_price": "3", "effective_to": SOON},
                {"unit": "second", "unit_price": "4", "effective_to": LATEST},
                {"unit": "song", "unit_price": "5"},
            ]
        )
        target = shop.pipeline(
            prices=[
                {"unit": "call", "unit_price": "1", "effective_to": LATEST},
                {"unit": "song", "unit_price": "5", "effective_to": LATEST},
            ]
        )
        (call, *_) = prices_of(shop, source)
        keys = {"id": call["id"], "lock_version": 1}
        shop.post(UPDATE, **keys, unit_price="20", change_from=LATER)
        ask = {"pipeline_id": source.id, "to_pipeline_id": target.id, "change_from": LATER}

        trial = shop.post(self.PATH, **ask, dry_run=1)
        answer = shop.post(self.PATH, **ask)

        assert trial == answer
        words = [(row["unit"], row["outcome"], row["effective_to"]) for row in answer["rows"]]
        assert words == [
            ("call", "succeeded", None), ("second", "new", LATEST), ("song", "end", None),
        ]  # fmt: skip
        assert dated(prices_of(shop, target)) == [
            ("call", 1, False), ("call", 20, True), ("second", 4, False), ("song", 5, True),
        ]  # fmt: skip
        again = shop.post(self.PATH, **ask)
        assert {row["outcome"] for row in again["rows"]} == {"same"}

    def test_what_is_to_come_comes_along_and_what_the_other_has_to_come_stays(
        self, shop: Shop
    ) -> None:
        source = shop.pipeline(prices=[{"unit": "call", "unit_price": "2"}])
        (call,) = prices_of(shop, source)
        shop.post(UPDATE, id=call["id"], lock_version=1, unit_price="3", change_from=SOON)
        target = shop.pipeline(prices=[{"unit": "call", "unit_price": "1"}])
        (other,) = prices_of(shop, target)
        shop.post(UPDATE, id=other["id"], lock_version=1, unit_price="9", change_from=LATER)
        ask = {"pipeline_id": source.id, "to_pipeline_id": target.id, "change_from": "now"}

        rows = shop.post(self.PATH, **ask)["rows"]

        assert [
            (row["outcome"], row["effective_from"], row["effective_to"], row["is_shortened"])
            for row in rows
        ] == [("succeeded", None, SOON, False), ("new", SOON, LATER, True)]
        assert dated(prices_of(shop, target)) == [
            ("call", 1, False), ("call", 2, False), ("call", 3, False), ("call", 9, True),
        ]  # fmt: skip

    def test_too_many_are_refused(self, shop: Shop) -> None:
        source = shop.pipeline(prices=[{"unit": "call", "unit_price": "2"}])
        (row,) = prices_of(shop, source)
        names = ", ".join(name for name in row if name not in ("id", "unit"))
        shop.installation.query(
            f"insert into pipeline_pricing (id, unit, {names})"
            f" select concat('m', seq, '-', left(id, 20)), concat('u', seq), {names}"
            " from pipeline_pricing join seq_1_to_200 where id = %s",
            row["id"],
        )
        ask = {"pipeline_id": source.id, "to_pipeline_id": shop.pipeline(prices=[]).id}

        answer = shop.try_post(self.PATH, **ask, change_from="now", dry_run=1)

        assert pointers(answer) == ["/pipeline_id"]

    def test_another_line_gets_them_from_a_day_on(self, shop: Shop) -> None:
        source = shop.pipeline(
            prices=[
                {"unit": "call", "unit_price": "2"},
                {"unit": "image", "unit_price": "3", "step_key": "s1"},
                {"unit": "second", "unit_price": "4"},
            ]
        )
        target = shop.pipeline(
            prices=[{"unit": "call", "unit_price": "1"}, {"unit": "second", "unit_price": "4"}]
        )
        ask = {"pipeline_id": source.id, "to_pipeline_id": target.id, "change_from": LATER}

        trial = shop.post(self.PATH, **ask, dry_run=1)
        assert len(prices_of(shop, target)) == 2
        answer = shop.post(self.PATH, **ask)

        assert sorted((row["unit"], row["outcome"]) for row in answer["rows"]) == [
            ("call", "succeeded"), ("image", "new"), ("second", "same"),
        ]  # fmt: skip
        assert trial["rows"] == answer["rows"]
        assert dated(prices_of(shop, target)) == [
            ("call", 1, False), ("call", 2, True), ("image", 3, True), ("second", 4, True),
        ]  # fmt: skip
        again = shop.post(self.PATH, **ask)
        assert {row["outcome"] for row in again["rows"]} == {"same"}

    def test_a_step_that_the_other_has_not_is_asked_about(self, shop: Shop) -> None:
        source = shop.pipeline(prices=[])
        price = {"pipeline_id": source.id, "unit": "call", "unit_price": "2", "step_key": "s2"}
        shop.post("pipeline_ops/pipeline_pricing_create", **price, confirm_step=1)
        ask = {"pipeline_id": source.id, "to_pipeline_id": shop.pipeline().id}

        answer = shop.try_post(self.PATH, **ask, change_from="now")
        itself = shop.try_post(self.PATH, pipeline_id=source.id, to_pipeline_id=source.id)

        assert answer.json()["code"] == "confirm_step"
        assert shop.post(self.PATH, **ask, change_from="now", confirm_step=1)["rows"]
        assert itself.status_code == 400


class TestOwnPrices:
    LINK = "pipeline_dist/distributor_pipeline_update"

    def test_a_list_holds_from_a_day_on(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        buyer = shop.distributor()
        first = [{"unit": "call", "unit_price": "0.5"}, {"unit": "image", "unit_price": "2"}]
        link = shop.link(buyer.id, pipeline, fixed_prices=first)

        def change(*prices: dict[str, Any], **more: Any) -> list[tuple[str, Any, bool]]:
            row = shop.row("distributor_pipeline", link["id"])
            key = {"id": row["id"], "lock_version": row["lock_version"]}
            shop.post(self.LINK, **key, fixed_prices=list(prices), **more)
            return dated(prices_of(shop, pipeline, buyer.id))

        later = {"change_from": LATER}
        assert change({"unit": "call", "unit_price": "0.6"}, **later) == [
            ("call", Decimal("0.5"), False), ("call", Decimal("0.6"), True), ("image", 2, False),
        ]  # fmt: skip
        # The same day again: what is to begin then is edited, what is left out does not begin.
        assert change({"unit": "call", "unit_price": "0.7"}, **later) == [
            ("call", Decimal("0.5"), False), ("call", Decimal("0.7"), True), ("image", 2, False),
        ]  # fmt: skip
        assert change(**later) == [("call", Decimal("0.5"), False), ("image", 2, False)]
        ends = [row["effective_to"] for row in prices_of(shop, pipeline, buyer.id)]
        assert {iso(end.replace(tzinfo=UTC)) for end in ends} == {LATER}

    def test_a_day_that_is_over_is_refused(self, shop: Shop) -> None:
        link = shop.link(shop.distributor().id, shop.pipeline())
        answer = shop.try_post(
            self.LINK, id=link["id"], lock_version=link["lock_version"],
            fixed_prices=[{"unit": "call", "unit_price": "1"}], change_from="2020-01-01T00:00:00Z",
        )  # fmt: skip
        assert [one["pointer"] for one in answer.json()["errors"]] == ["/change_from"]
