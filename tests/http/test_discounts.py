"""Discounts in one notation, and the question where one looks mistyped."""

import csv
import io
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.shop import Shop

UPDATE = "pipeline_dist/distributor_pipeline_update"
HALF = {"pricing_mode": "discount", "discount_rate": "0.5"}


@pytest.fixture(scope="module")
def shop(server: Installation) -> Shop:
    return Shop(server)


def new_link(shop: Shop, **terms: Any) -> dict[str, Any]:
    return shop.link(shop.distributor().id, shop.pipeline(), **terms)


@pytest.mark.parametrize(
    ("rate", "usual", "english", "chinese"),
    [
        ("0.0085", "0.85", "0.85% of the price: did you mean 85%?", "85%（8.5 折）"),
        ("0.085", "0.85", "8.5% of the price: did you mean 85%?", "8.5%（0.85 折）"),
        ("0.01", "0.1", "1% of the price: did you mean 10%?", "10%（1 折）"),
    ],
)
def test_a_low_discount_is_asked_about(
    shop: Shop, rate: str, usual: str, english: str, chinese: str
) -> None:
    link = new_link(shop, **HALF)
    change = {"id": link["id"], "lock_version": link["lock_version"], "discount_rate": rate}

    answer = shop.try_post(UPDATE, **change)
    in_chinese = shop.admin.post(
        "/pipeline_dist/api/distributor_pipeline_update.dspy",
        json=change, headers={"Accept-Language": "zh"},
    )  # fmt: skip

    assert (answer.status_code, answer.json()["code"]) == (409, "confirm_discount")
    assert answer.json()["ask"] == {
        "name": "confirm_discount", "kind": "bool", "default": 1,
        "instead": {"discount_rate": usual},
    }  # fmt: skip
    assert english in answer.json()["detail"]
    assert chinese in in_chinese.json()["detail"]
    assert str(shop.row("distributor_pipeline", link["id"])["discount_rate"]) == "0.5000"
    record = shop.post(UPDATE, **change, confirm_discount=1)
    assert float(record["discount_rate"]) == float(rate)
    # What stands there is not asked about again.
    again = {"id": link["id"], "lock_version": record["lock_version"], "discount_rate": rate}
    assert shop.post(UPDATE, **again, daily_quota=3)["daily_quota"] == 3


def test_it_is_asked_about_where_it_takes_effect(shop: Shop) -> None:
    low = {"pricing_mode": "discount", "discount_rate": "0.05"}
    pair = {"distributor_id": shop.distributor().id, "pipeline_id": shop.pipeline().id}

    new = shop.try_post("pipeline_dist/distributor_pipeline_create", **pair, **low)
    unused = new_link(shop, discount_rate="0.05")
    switched = shop.try_post(
        UPDATE, id=unused["id"], lock_version=unused["lock_version"], pricing_mode="discount"
    )

    assert new.json()["code"] == switched.json()["code"] == "confirm_discount"
    assert new_link(shop, pricing_mode="discount", discount_rate="0.1")["id"]
    only_word = shop.try_post(
        UPDATE, id=unused["id"], lock_version=unused["lock_version"], confirm_discount=1
    )
    assert only_word.json()["code"] == "nothing_to_change"


@pytest.mark.parametrize(("lang", "words"), [("zh", ("50%（5 折）", "85%（8.5 折）")),
                                             ("en", ("50%", "85%"))])  # fmt: skip
def test_the_trail_and_files_say_it_alike(shop: Shop, lang: str, words: tuple[str, str]) -> None:
    link = new_link(shop, **HALF)
    shop.post(UPDATE, id=link["id"], lock_version=link["lock_version"], discount_rate="0.85")
    entries = shop.admin.get(
        "/app_audit/get_app_audit.dspy", params={"row_id": link["id"], "action": "update"}
    ).json()["rows"]
    page = shop.admin.get(
        "/appbase/audit_entry_view.dspy", params={"id": entries[0]["id"], "_lang": lang}
    )
    file = shop.admin.get(
        "/pipeline_dist/distributor_pipeline/get_distributor_pipeline.dspy",
        params={"id": link["id"], "_export": "csv", "_columns": "discount_rate", "_lang": lang},
    )

    (field,) = page.json()["options"]["fields"]
    assert (field["before"], field["after"]) == ({"text": words[0]}, {"text": words[1]})
    _, row = csv.reader(io.StringIO(file.content.decode("utf-8-sig")))
    assert row == [words[1]]


@pytest.mark.parametrize("text", ["85%", "85%（8.5 折）", "85 % (8.5折)", "0.85"])
def test_a_file_may_say_it_in_any_of_these_ways(shop: Shop, text: str) -> None:
    pair = {"distributor_id": shop.distributor().id, "pipeline_id": shop.pipeline().id}
    answer = shop.admin.post(
        "/appbase/import_rows.dspy",
        json={"table": "distributor_pipeline", "columns": ["pricing_mode", "discount_rate"],
              "rows": [["discount", text]], "fixed": pair},
    )  # fmt: skip

    assert answer.json()["data"]["done"] == 1, answer.text
    (row,) = shop.installation.query(
        "select discount_rate from distributor_pipeline where pipeline_id = %s",
        pair["pipeline_id"],
    )
    assert str(row["discount_rate"]) == "0.8500"
