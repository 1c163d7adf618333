"""Prices of a distributor of its own, and the link's terms that a call keeps from its begin."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.shop import Distributor, Pipeline, Shop

PRICE = "pipeline_ops/pipeline_pricing_create"
LINK = "pipeline_dist/distributor_pipeline_update"
OWN_PRICES = "/pipeline_dist/api/own_prices.dspy"
ONE = [{"unit": "call", "quantity": 1}]


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def own_price(shop: Shop, buyer: Distributor, pipeline: Pipeline, **fields: Any) -> dict[str, Any]:
    values = {"unit": "call", "unit_price": "0.5"} | fields
    return shop.post(PRICE, distributor_id=buyer.id, pipeline_id=pipeline.id, **values)


def prices_of(shop: Shop, buyer: Distributor) -> list[dict[str, Any]]:
    return shop.installation.query(
        "select * from pipeline_pricing where distributor_id = %s order by effective_from, unit",
        buyer.id,
    )


def link_of(shop: Shop, buyer: Distributor) -> dict[str, Any]:
    (row,) = shop.installation.query(
        "select * from distributor_pipeline where distributor_id = %s", buyer.id
    )
    return row


def change_link(shop: Shop, buyer: Distributor, **fields: Any) -> dict[str, Any]:
    row = link_of(shop, buyer)
    return shop.post(LINK, id=row["id"], lock_version=row["lock_version"], **fields)


def delete_link(shop: Shop, buyer: Distributor) -> None:
    shop.post("pipeline_dist/distributor_pipeline_delete", id=link_of(shop, buyer)["id"])


def book(buyer: Distributor, pipeline: Pipeline, key: str, lines: Any = None) -> dict[str, Any]:
    answer = buyer.begin(pipeline, key, status="succeeded", lines=ONE if lines is None else lines)
    assert answer.status_code == 201, answer.text
    call: dict[str, Any] = answer.json()
    return call


class TestWhoseAPriceIs:
    def test_it_is_one_of_those_who_have_the_pipeline(self, shop: Shop) -> None:
        pipeline, other = shop.pipeline(), shop.pipeline()
        buyer = shop.distributor(pipeline)
        price = {"unit": "call", "unit_price": "1"}

        for problem, field, values in (
            ("not_found", "distributor_id", {"distributor_id": "none"}),
            ("not_linked", "distributor_id", {"pipeline_id": other.id}),
            ("wrong_currency", "currency", {"currency": "USD", "confirm_currency": 1}),
        ):
            owner = {"distributor_id": buyer.id, "pipeline_id": pipeline.id}
            answer = shop.try_post(PRICE, **owner | price | values)
            assert answer.status_code == 400
            (error,) = answer.json()["errors"]
            assert (error["pointer"], error["code"]) == (f"/{field}", problem)

    def test_it_overlaps_with_those_of_the_same_only(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        buyers = [shop.distributor(pipeline) for _ in range(2)]

        prices = [own_price(shop, buyer, pipeline) for buyer in buyers]

        assert [row["distributor_id"] for row in prices] == [buyer.id for buyer in buyers]
        again = shop.try_post(
            PRICE, distributor_id=buyers[0].id, pipeline_id=pipeline.id, unit="call", unit_price=1
        )
        assert (again.status_code, again.json()["code"]) == (409, "price_overlap")

    def test_its_owner_never_changes(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        buyer, other = shop.distributor(pipeline), shop.distributor(pipeline)
        row = own_price(shop, buyer, pipeline, enabled=0)

        answer = shop.try_post(
            "pipeline_ops/pipeline_pricing_update",
            id=row["id"], lock_version=1, distributor_id=other.id,
        )  # fmt: skip

        assert answer.json()["errors"][0]["code"] == "write_once"

    def test_it_is_ended_and_succeeded_like_any_other(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        buyer = shop.distributor(pipeline)
        row = own_price(shop, buyer, pipeline)
        update = {"id": row["id"], "lock_version": 1, "unit_price": "0.4"}

        refusal = shop.try_post("pipeline_ops/pipeline_pricing_update", **update)
        new = shop.post("pipeline_ops/pipeline_pricing_update", **update, change_from="now")

        assert (refusal.status_code, refusal.json()["code"]) == (409, "in_use")
        assert (new["distributor_id"], new["replaces"]) == (buyer.id, row["id"])
        assert book(buyer, pipeline, "a")["amount"] == "0.4000000000"

    def test_lists_and_files_name_the_owner(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        buyer = shop.distributor(pipeline)
        own_price(shop, buyer, pipeline)
        path = "/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy"

        own = shop.admin.get(path, params={"distributor_id": buyer.id}).json()["rows"]
        both = shop.admin.get(path, params={"pipeline_id": pipeline.id}).json()["rows"]
        file = shop.admin.get(path, params={"distributor_id": buyer.id, "_export": "csv"}).text

        assert [row["distributor_id_text"] for row in own] == [buyer.code]
        assert {row["distributor_id"] for row in both} == {"", buyer.id}
        assert buyer.code in file
        row = f"{buyer.code},{pipeline.code},second,0.01"
        head = "distributor_id,pipeline_id,unit,unit_price"
        name = shop.row("pipelines", pipeline.id)["name"]
        answer = shop.admin.post(
            "/appbase/import_rows.dspy",
            params={"table": "pipeline_pricing"},
            content=f"{head}\n{row.replace(pipeline.code, name)}\n".encode(),
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.json()["data"]["done"] == 1, answer.text
        assert [row["unit"] for row in prices_of(shop, buyer)] == ["call", "second"]

    def test_it_stays_behind_when_the_pipeline_is_cloned(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        own_price(shop, shop.distributor(pipeline), pipeline)

        clone = shop.post(
            "pipeline_core/pipeline_clone", pipeline_id=pipeline.id, code=f"{pipeline.code}-2",
            name="clone", with_prices=1,
        )  # fmt: skip

        rows = shop.installation.query(
            "select distributor_id from pipeline_pricing where pipeline_id = %s", clone["id"]
        )
        assert [row["distributor_id"] for row in rows] == [""]


PRICES = [
    {"unit": "call", "unit_price": "1"},
    {"unit": "call", "step_key": "s1", "model": "m1", "unit_price": "4"},
]
USES = {"all": {}, "step": {"step_key": "s1"}, "step+model": {"step_key": "s1", "model": "m1"}}


class TestWhichPrice:
    @pytest.mark.parametrize(
        ("mode", "amounts"),
        [
            # An own price comes before any of everybody's, and is never discounted.
            ("inherit", ["0.5", "0.5", "0.5"]),
            ("discount", ["0.5", "0.5", "0.5"]),
            ("fixed", ["0.5", "0.5", "0.5"]),
        ],
    )
    def test_an_own_price_applies_first(self, shop: Shop, mode: str, amounts: list[str]) -> None:
        pipeline = shop.pipeline(prices=PRICES)
        link = {"pricing_mode": mode, "discount_rate": "0.5"}
        buyer = shop.distributor(pipeline, link=link)
        own_price(shop, buyer, pipeline)

        lines = [{"unit": "call", "quantity": 1, **use} for use in USES.values()]
        call = book(buyer, pipeline, "a", lines)

        assert [float(line["amount"]) for line in call["lines"]] == [float(x) for x in amounts]
        assert {line["price_scope"] for line in call["lines"]} == {"own"}
        assert {line["matched"] for line in call["lines"]} == {"all"}

    @pytest.mark.parametrize(("mode", "factor"), [("inherit", 1), ("discount", 0.5)])
    def test_everybodys_apply_where_there_is_no_own(
        self, shop: Shop, mode: str, factor: float
    ) -> None:
        pipeline = shop.pipeline(prices=PRICES)
        link = {"pricing_mode": mode, "discount_rate": "0.5"}
        buyer = shop.distributor(pipeline, link=link)
        own_price(shop, buyer, pipeline, step_key="s1", unit_price="3")

        lines = [{"unit": "call", "quantity": 1, **use} for use in USES.values()]
        call = book(buyer, pipeline, "a", lines)

        assert [float(line["amount"]) for line in call["lines"]] == [factor, 3, 3]
        matches = [(line["price_scope"], line["matched"]) for line in call["lines"]]
        assert matches == [("general", "all"), ("own", "step"), ("own", "step")]

    def test_fixed_knows_own_prices_only(self, shop: Shop) -> None:
        pipeline = shop.pipeline(prices=PRICES)
        buyer = shop.distributor(pipeline, link={"pricing_mode": "fixed"})
        own_price(shop, buyer, pipeline, step_key="s1", unit_price="3")

        answer = buyer.begin(pipeline, "a", status="succeeded", lines=ONE)
        catalogue = buyer.client.get("/pipeline_dist/v1/pipelines").json()["rows"]

        assert (answer.status_code, answer.json()["code"]) == (409, "price_missing")
        (price,) = catalogue[0]["prices"]
        assert (price["step_key"], price["price_scope"]) == ("s1", "own")

    def test_every_answer_tells_how_a_price_was_found(self, shop: Shop) -> None:
        pipeline = shop.pipeline(prices=PRICES)
        buyer = shop.distributor(pipeline)
        own_price(shop, buyer, pipeline, model="m1", unit_price="2")
        lines = [
            {"unit": "call", "quantity": 1, "step_key": "s1", "model": "m1"},
            {"unit": "call", "quantity": 1, "step_key": "s1", "model": "x"},
        ]
        expected = [("own", "model"), ("general", "all")]

        def matches(answer: Any) -> list[tuple[str, str]]:
            rows = answer.get("lines") or answer["rows"]
            return [(row["price_scope"], row["matched"]) for row in rows]

        body = {"pipeline": pipeline.code, "lines": lines}
        quote = buyer.client.post("/pipeline_dist/v1/quote", json=body).json()
        call_no = buyer.begin(pipeline, "a").json()["call_no"]
        answers = [buyer.finish(call_no, lines=lines).json() for _ in range(2)]
        usage = buyer.client.get("/pipeline_dist/v1/usage").json()

        assert all(
            matches(one) == expected for one in (quote, *answers, buyer.read(call_no), usage)
        )


class TestShortWay:
    def test_what_differs_is_ended_and_succeeded(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        buyer = shop.distributor()
        prices = [
            {"unit": "call", "unit_price": "1"},
            {"unit": "image", "unit_price": "2"},
            {"unit": "second", "unit_price": "3"},
        ]
        link = shop.link(buyer.id, pipeline, pricing_mode="fixed", fixed_prices=prices)
        assert [row["unit"] for row in link["fixed_prices"]] == ["call", "image", "second"]
        first = {row["unit"]: row for row in prices_of(shop, buyer)}

        new_list = [
            {"unit": "call", "unit_price": "1.0"},
            {"unit": "image", "pricing_type": "package", "package_size": 10, "package_price": 5},
            {"unit": "token", "unit_price": "4"},
        ]
        link = change_link(shop, buyer, fixed_prices=new_list)

        rows = {row["id"]: row for row in prices_of(shop, buyer)}
        in_force = {row["unit"]: row for row in rows.values() if row["effective_to"] is None}
        assert [row["unit"] for row in link["fixed_prices"]] == ["call", "image", "token"]
        assert in_force["call"]["id"] == first["call"]["id"]
        assert in_force["image"]["replaces"] == first["image"]["id"]
        assert in_force["image"]["effective_from"] == rows[first["image"]["id"]]["effective_to"]
        assert rows[first["second"]["id"]]["effective_to"] is not None
        trail = shop.installation.query(
            "select action from app_audit where table_name = 'pipeline_pricing' and row_id = %s"
            " order by created_at", first["second"]["id"],
        )  # fmt: skip
        assert [row["action"] for row in trail] == ["create", "update"]

    @pytest.mark.parametrize("nothing", [None, "", []])
    def test_an_empty_list_ends_all(self, shop: Shop, nothing: Any) -> None:
        pipeline = shop.pipeline()
        buyer = shop.distributor(pipeline, link={"fixed_prices": [{"unit": "a", "unit_price": 1}]})

        assert change_link(shop, buyer, daily_quota=7)["fixed_prices"] != []
        assert change_link(shop, buyer, fixed_prices=nothing)["fixed_prices"] == []
        assert [row["effective_to"] is None for row in prices_of(shop, buyer)] == [False]

    def test_nothing_is_written_where_one_price_is_wrong(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        buyer = shop.distributor(pipeline, link={"fixed_prices": [{"unit": "a", "unit_price": 1}]})
        row = link_of(shop, buyer)
        wrong = [{"unit": "b", "unit_price": 2}, {"unit": "c"}]

        answer = shop.try_post(
            LINK, id=row["id"], lock_version=row["lock_version"], daily_quota=1, fixed_prices=wrong
        )

        assert [one["pointer"] for one in answer.json()["errors"]] == ["/fixed_prices/1/unit_price"]
        assert [one["unit"] for one in prices_of(shop, buyer)] == ["a"]
        assert link_of(shop, buyer)["daily_quota"] is None


def look(shop: Shop, buyer: Distributor, pipeline: Pipeline) -> dict[str, Any]:
    """What the window of own prices reads."""
    pair = {"distributor_id": buyer.id, "pipeline_id": pipeline.id}
    answer = shop.admin.get(OWN_PRICES, params=pair)
    assert answer.status_code == 200, answer.text
    prices: dict[str, Any] = answer.json()["data"]
    return prices


def try_edits(shop: Shop, prices: dict[str, Any], *edits: Any, **fields: Any) -> Any:
    link = prices["link"]
    fields = {"price_changes": list(edits), "change_from": prices["next_month"]} | fields
    return shop.try_post(LINK, id=link["id"], lock_version=link["lock_version"], **fields)


def edit_of(price: dict[str, Any], **new: Any) -> dict[str, Any]:
    names = ("id", "lock_version", "unit", "step_key", "model", "unit_price")
    return {name: price[name] for name in names} | new


class TestSingleEdits:
    @pytest.fixture
    def prices(self, shop: Shop) -> tuple[Distributor, Pipeline, dict[str, Any]]:
        """A price in force of `call`, one of `image` that another follows, and a new `video` to
        come with the next month; and what the window shows of them."""
        pipeline = shop.pipeline()
        fixed_prices = [{"unit": "call", "unit_price": 1}, {"unit": "image", "unit_price": 2}]
        buyer = shop.distributor(pipeline, link={"fixed_prices": fixed_prices})
        view = look(shop, buyer, pipeline)
        image = next(row for row in view["own"] if row["unit"] == "image")
        shop.post(
            "pipeline_ops/pipeline_pricing_update", id=image["id"], unit_price=20,
            lock_version=image["lock_version"], change_from=view["next_month"],
        )  # fmt: skip
        own_price(shop, buyer, pipeline, unit="video", effective_from=view["next_month"])
        return buyer, pipeline, look(shop, buyer, pipeline)

    def test_what_is_planned_survives_the_edit_of_another_row(
        self, shop: Shop, prices: tuple[Distributor, Pipeline, dict[str, Any]]
    ) -> None:
        buyer, _, view = prices
        call, image, later_image, video = view["own"]
        assert [row["unit"] for row in view["own"]] == ["call", "image", "image", "video"]

        token = {"unit": "token", "unit_price": 7}
        answer = try_edits(shop, view, edit_of(call, unit_price=5), token)

        assert answer.status_code == 200, answer.text
        rows = {row["id"]: row for row in prices_of(shop, buyer)}
        for row in (image, later_image, video):
            same = rows.pop(row["id"])
            assert same["lock_version"] == row["lock_version"]
            assert str(same["unit_price"]) == row["unit_price"]
        assert rows.pop(call["id"])["effective_to"] is not None
        news = {row["unit"]: (int(row["unit_price"]), row["replaces"]) for row in rows.values()}
        assert news == {"call": (5, call["id"]), "token": (7, None)}

    def test_one_that_has_changed_is_refused_and_nothing_done(
        self, shop: Shop, prices: tuple[Distributor, Pipeline, dict[str, Any]]
    ) -> None:
        buyer, _, view = prices
        call, _, _, video = view["own"]
        other = try_edits(shop, view, edit_of(call, unit_price=9))
        before = prices_of(shop, buyer)

        answer = try_edits(
            shop, view, {"id": video["id"], "lock_version": video["lock_version"], "enabled": 0},
            edit_of(call, unit_price=5),
        )  # fmt: skip

        assert other.status_code == 200
        assert (answer.status_code, answer.json()["code"]) == (409, "edit_conflict")
        assert answer.json()["current"]["id"] == call["id"]
        assert prices_of(shop, buyer) == before

    def test_one_ends_and_one_that_is_to_come_is_deleted(
        self, shop: Shop, prices: tuple[Distributor, Pipeline, dict[str, Any]]
    ) -> None:
        buyer, pipeline, view = prices
        ends = [
            {"id": row["id"], "lock_version": row["lock_version"], "enabled": 0}
            for row in view["own"] if row["unit"] == "image"
        ]  # fmt: skip

        answer = try_edits(shop, view, *ends, change_from="now")

        assert answer.status_code == 200, answer.text
        own = look(shop, buyer, pipeline)["own"]
        assert [row["unit"] for row in own] == ["call", "video"]
        assert [row["unit"] for row in answer.json()["data"]["fixed_prices"]] == ["call"]

    def test_what_is_wrong_is_told_at_its_place(
        self, shop: Shop, prices: tuple[Distributor, Pipeline, dict[str, Any]]
    ) -> None:
        _, pipeline, view = prices
        call, image, *_ = view["own"]
        stranger = shop.distributor(pipeline, link={"fixed_prices": [PRICES[0]]})
        foreign = look(shop, stranger, pipeline)["own"][0]

        def problems(*edits: Any, **fields: Any) -> dict[str, str]:
            answer = try_edits(shop, view, *edits, **fields)
            assert answer.status_code == 400, answer.text
            return {one["pointer"]: one["code"] for one in answer.json()["errors"]}

        assert problems(7, {"id": call["id"]}, {"unit": "x"}) == {
            "/price_changes/0": "not_an_object",
            "/price_changes/1/lock_version": "required",
            "/price_changes/2/unit_price": "required",
        }
        assert problems(edit_of(call), edit_of(call)) == {"/price_changes/1": "duplicate"}
        assert problems(edit_of(call), edit_of(image, unit_price=3)) == {
            "/price_changes/1/change_from": "out_of_order"
        }
        assert problems(edit_of(call), fixed_prices=[]) == {"/price_changes": "not_together"}
        assert try_edits(shop, view, edit_of(foreign, unit_price=9)).status_code == 404

    def test_many_ended_prices_leave_nothing_out(
        self, shop: Shop, prices: tuple[Distributor, Pipeline, dict[str, Any]]
    ) -> None:
        buyer, pipeline, view = prices
        shop.installation.query(
            "insert into pipeline_pricing (id, distributor_id, pipeline_id, step_key, model, unit,"
            " pricing_type, unit_price, unit_size, currency, effective_from, effective_to, enabled,"
            " created_at, updated_at)"
            " select concat(left(p.id, 16), '-', s.seq), p.distributor_id, p.pipeline_id,"
            " p.step_key, p.model, 'aaa', p.pricing_type, p.unit_price, p.unit_size, p.currency,"
            " '2020-01-01' + interval s.seq hour, '2020-01-01' + interval (s.seq + 1) hour, 1,"
            " p.created_at, p.updated_at"
            " from pipeline_pricing p, seq_1_to_1100 s where p.id = %s", view["own"][0]["id"],
        )  # fmt: skip

        again = look(shop, buyer, pipeline)

        assert (again["own"], again["complete"]) == (view["own"], True)
        assert [row["unit"] for row in again["general"]] == ["call"]


class TestWhoMayChangeThem:
    @pytest.mark.parametrize(("who", "may"), [("operator", True), ("viewer", False)])
    def test_the_list_offers_it_to_who_may_change_links(
        self, shop: Shop, who: str, may: bool
    ) -> None:
        pipeline = shop.pipeline()
        buyer = shop.distributor(pipeline, link={"fixed_prices": [PRICES[0]]})
        client = shop.installation.sign_in(who)
        pair = {"distributor_id": buyer.id, "pipeline_id": pipeline.id}

        page = client.get(
            "/pipeline_dist/distributor_pipeline/index.ui", params={"_webbricks_": 1}
        ).json()
        answer = client.get(OWN_PRICES, params=pair)

        tools = page["options"].get("toolbar", {"tools": []})["tools"]
        assert ("own_prices" in [tool["name"] for tool in tools]) == may
        assert answer.status_code == (200 if may else 403)
        if may:
            view = answer.json()["data"]
            link = view["link"]
            edit = edit_of(view["own"][0], unit_price=3)
            save = client.post(
                f"/{LINK.replace('/', '/api/')}.dspy",
                json={"id": link["id"], "lock_version": link["lock_version"],
                      "price_changes": [edit], "change_from": "now"},
            )  # fmt: skip
            assert save.status_code == 200, save.text

    def test_without_a_link_there_are_none(self, shop: Shop) -> None:
        pair = {"distributor_id": shop.distributor().id, "pipeline_id": shop.pipeline().id}
        answer = shop.admin.get(OWN_PRICES, params=pair)

        assert answer.json()["errors"][0]["code"] == "not_linked"


class TestKeptTerms:
    @pytest.mark.parametrize(
        "change", [{"pricing_mode": "inherit"}, {"discount_rate": "0.1"}, {"enabled": 0}]
    )
    def test_a_change_of_the_link_reaches_no_begun_call(
        self, shop: Shop, change: dict[str, Any]
    ) -> None:
        pipeline = shop.pipeline()
        buyer = shop.distributor(pipeline, link={"pricing_mode": "discount", "discount_rate": ".5"})
        call_no = buyer.begin(pipeline, "a").json()["call_no"]

        change_link(shop, buyer, **change)

        (header,) = shop.ledger("call_no = %s", call_no)
        assert (header["pricing_mode"], str(header["discount_rate"])) == ("discount", "0.5000")
        assert buyer.finish(call_no, lines=ONE).json()["amount"] == "0.5000000000"
        assert shop.ledger_differences() == ""

    def test_a_deleted_link_ends_its_prices_but_for_begun_calls(self, shop: Shop) -> None:
        pipeline = shop.pipeline()
        buyer = shop.distributor(pipeline, link={"pricing_mode": "fixed"})
        own_price(shop, buyer, pipeline)
        later = datetime.now(UTC) + timedelta(days=1)
        own_price(shop, buyer, pipeline, unit="image", effective_from=later.isoformat())
        call_no, other = [buyer.begin(pipeline, key).json()["call_no"] for key in "ab"]

        delete_link(shop, buyer)

        (row,) = prices_of(shop, buyer)
        assert (row["enabled"], row["effective_to"] is None) == (1, False)
        assert buyer.finish(call_no, lines=ONE).json()["amount"] == "0.5000000000"
        assert buyer.finish(other, "cancelled").status_code == 200
        link = shop.link(buyer.id, pipeline, pricing_mode="inherit")
        assert link["fixed_prices"] == []
        assert book(buyer, pipeline, "c")["amount"] == "1.0000000000"
        assert shop.ledger_differences() == ""

    def test_a_booking_of_the_past_uses_the_terms_of_now(self, shop: Shop) -> None:
        pipeline = shop.pipeline(
            prices=[{"unit": "call", "unit_price": "1", "effective_from": "2020-01-01"}]
        )
        buyer = shop.distributor(pipeline)
        change_link(shop, buyer, pricing_mode="discount", discount_rate="0.25")

        record = shop.post(
            "pipeline_ops/pipeline_usage_log_create",
            pipeline_id=pipeline.id, distributor_id=buyer.id, status="succeeded",
            started_at="2026-01-01T00:00:00Z", unit="call", quantity=2,
        )  # fmt: skip

        assert record["total"] == "0.5000000000"
        assert record["pricing_mode"] == "discount"


class TestOtherCurrency:
    @pytest.fixture
    def dollars(self, shop: Shop) -> Pipeline:
        return shop.pipeline(prices=[{"unit": "call", "unit_price": "1", "currency": "USD"}])

    @pytest.mark.parametrize("body", [{}, {"status": "succeeded", "lines": []},
                                      {"status": "succeeded", "lines": ONE}])  # fmt: skip
    def test_nothing_begins_where_all_prices_are_in_one(
        self, shop: Shop, dollars: Pipeline, body: dict[str, Any]
    ) -> None:
        buyer = shop.distributor(dollars, currency="CNY", quota_period="day", quota_calls=0,
                                 spend_limit="0")  # fmt: skip

        answer = buyer.begin(dollars, "a", **body)

        assert (answer.status_code, answer.json()["code"]) == (409, "price_missing")
        assert "in USD, the account is in CNY" in answer.json()["detail"]

    def test_a_price_in_the_own_currency_is_enough(self, shop: Shop, dollars: Pipeline) -> None:
        buyer = shop.distributor(dollars, currency="CNY")
        own_price(shop, buyer, dollars, unit="image", confirm_currency=1)

        assert buyer.begin(dollars, "a").status_code == 201

    def test_a_pipeline_without_any_price_begins(self, shop: Shop) -> None:
        pipeline = shop.pipeline(prices=[])

        assert shop.distributor(pipeline).begin(pipeline, "a").status_code == 201

    def test_a_booking_by_hand_is_refused_before_limits_too(
        self, shop: Shop, dollars: Pipeline
    ) -> None:
        buyer = shop.distributor(dollars, currency="CNY", quota_period="day", quota_calls=0,
                                 spend_limit="0")  # fmt: skip

        answer = shop.try_post(
            "pipeline_ops/pipeline_usage_log_create",
            pipeline_id=dollars.id, distributor_id=buyer.id, status="succeeded",
        )  # fmt: skip

        assert (answer.status_code, answer.json()["code"]) == (409, "price_missing")
