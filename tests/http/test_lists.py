"""Lists and drop-downs over HTTP: paging, sorting, filtering, and what must not get through."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.installation import PASSWORDS, Installation
from tests.support.sage_users import make_user

PIPELINES = "/pipeline_core/pipelines/get_pipelines.dspy"
PRICES = "/pipeline_ops/pipeline_pricing/get_pipeline_pricing.dspy"
DISTRIBUTORS = "/pipeline_dist/distributors/get_distributors.dspy"
CODES = "/appbase/get_code.dspy"
PIPELINE_COUNT = 25
STAMPS = "created_at, updated_at"


@pytest.fixture(scope="module", autouse=True)
def _rows(server: Installation) -> None:
    for number in range(PIPELINE_COUNT):
        server.query(
            "insert into pipelines (id, code, name, status, created_at, updated_at)"
            " values (%s, %s, %s, %s, %s, '2026-11-24')",
            f"p{number:02d}",
            f"line-{number:02d}",
            f"产线 {chr(ord('Z') - number)}_{number % 3}%",
            "published" if number % 5 == 0 else "draft",
            f"2026-11-{number + 1:02d} 06:00:00.123",
        )
    for number, amount in enumerate(("2.5", "0.000001", "123456789012.123456")):
        server.query(
            "insert into pipeline_pricing (id, pipeline_id, unit, unit_price, effective_from,"
            " created_at, updated_at) values (%s, %s, 'call', %s, '2026-01-01', now(3), now(3))",
            f"price{number}",
            f"p{number:02d}",
            amount,
        )
    server.query(
        "insert into distributors (id, code, name, api_key_hash, rate_window, created_at,"
        " updated_at) values ('d1', 'd1', 'Reseller', %s, 'x', now(3), now(3))",
        "5" * 64,
    )


@pytest.fixture
def odd_names(server: Installation) -> Iterator[None]:
    """Distributors whose names differ in rare letters only, with contacts and without."""
    for key, name, contact, currency in (
        ("e1", "Café 😀", "😀 a", "CNY"), ("e2", "Café 🎉", "🎉 a", "CNY"),
        ("e3", "𠮷野", None, "EUR"),
    ):  # fmt: skip
        server.query(
            "insert into distributors (id, code, name, contact, currency, rate_window, created_at,"
            " updated_at) values (%s, %s, %s, %s, %s, 'x', now(3), now(3))",
            key, f"e-{key[1]}", name, contact, currency,
        )  # fmt: skip
    yield
    server.query("delete from distributors where id like 'e_'")


def rows(admin: httpx.Client, url: str, **params: Any) -> list[dict[str, Any]]:
    """The rows of a list; a repeated parameter is given as a list."""
    answer = admin.get(url, params=params)
    assert answer.status_code == 200, answer.text
    page: list[dict[str, Any]] = answer.json()["rows"]
    return page


def ids(admin: httpx.Client, url: str = PIPELINES, **params: Any) -> list[str]:
    return [row["id"] for row in rows(admin, url, **params)]


def refusal(admin: httpx.Client, url: str = PIPELINES, **params: Any) -> str:
    answer = admin.get(url, params=params)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    code: str = answer.json()["code"]
    return code


def codes_of(admin: httpx.Client, data_filter: Any, **params: Any) -> list[str]:
    return ids(admin, data_filter=json.dumps(data_filter), sort="id", rows=100, **params)


class TestPaging:
    def test_the_newest_come_first_unless_asked(self, admin: httpx.Client) -> None:
        assert ids(admin)[:2] == ["p24", "p23"]

    def test_pages_follow_each_other_without_gap_or_repetition(self, admin: httpx.Client) -> None:
        answers = [
            admin.get(PIPELINES, params={"page": page, "rows": 10, "sort": "status"}).json()
            for page in (1, 2, 3, 4)
        ]

        assert {answer["total"] for answer in answers} == {PIPELINE_COUNT}
        keys = [row["id"] for answer in answers for row in answer["rows"]]
        assert len(keys) == len(set(keys)) == PIPELINE_COUNT

    def test_rows_are_capped(self, admin: httpx.Client) -> None:
        assert len(ids(admin, rows=999999999)) == PIPELINE_COUNT

    @pytest.mark.parametrize(
        "wrong",
        [{"page": "0"}, {"page": "-1"}, {"page": "abc"}, {"rows": "0"}, {"rows": "1;drop"}],
    )
    def test_wrong_pages_are_refused(self, admin: httpx.Client, wrong: dict[str, str]) -> None:
        assert refusal(admin, **wrong) == "bad_paging"

    def test_a_post_reads_too(self, admin: httpx.Client) -> None:
        answer = admin.post(PIPELINES, data={"page": "2", "rows": "20", "_webbricks_": "1"})

        assert len(answer.json()["rows"]) == PIPELINE_COUNT - 20


class TestSorting:
    @pytest.mark.parametrize(
        ("sort", "first"),
        [
            ("code", "p00"),
            ("code desc", "p24"),
            ("CODE DESC", "p24"),
            ("status desc,code desc", "p20"),
            (["status desc", "code"], "p00"),
        ],
    )
    def test_columns_sort(self, admin: httpx.Client, sort: Any, first: str) -> None:
        assert ids(admin, sort=sort)[0] == first

    def test_the_text_of_a_code_sorts(self, admin: httpx.Client) -> None:
        prices = rows(admin, PRICES, sort="pipeline_id_text")

        assert [row["pipeline_id"] for row in prices] == ["p02", "p01", "p00"]
        assert prices[0]["pipeline_id_text"].startswith("产线 X")

    @pytest.mark.parametrize(
        "sort",
        [
            "nothing",
            "id) as x, (select version()",
            "${1}$",
            "$[1]$",
            "name desc, 1",
            "name asc desc",
            "${__import__('os').system('id')}$",
            "pipeline_id_text",
            "sleep(5)",
            "`id`",
            "",
        ],
    )
    def test_anything_else_is_refused(self, admin: httpx.Client, sort: str) -> None:
        if sort:
            assert refusal(admin, sort=sort) == "bad_sort"
        else:
            assert len(ids(admin, sort=sort)) == PIPELINE_COUNT

    def test_a_hidden_column_cannot_be_sorted_by(self, admin: httpx.Client) -> None:
        assert refusal(admin, DISTRIBUTORS, sort="api_key_hash") == "bad_sort"


class TestFiltering:
    def test_a_column_filters(self, admin: httpx.Client) -> None:
        assert len(ids(admin, status="published")) == 5
        assert ids(admin, code="line-03") == ["p03"]
        assert ids(admin, code="LINE-03") == []

    def test_a_repeated_column_is_any_of_them(self, admin: httpx.Client) -> None:
        assert sorted(ids(admin, code=["line-03", "line-04"])) == ["p03", "p04"]

    def test_an_empty_filter_filters_nothing(self, admin: httpx.Client) -> None:
        assert len(ids(admin, status="", code="")) == PIPELINE_COUNT

    def test_the_pages_own_names_are_no_filters(self, admin: httpx.Client) -> None:
        assert len(ids(admin, _lang="zh", referer_widget="w17")) == PIPELINE_COUNT

    def test_times_have_a_from_and_a_to(self, admin: httpx.Client) -> None:
        keys = ids(admin, created_at_from="2026-11-03T06:00:00.123Z", created_at_to="2026-11-05")

        assert keys == ["p03", "p02"]

    def test_money_compares_exactly(self, admin: httpx.Client) -> None:
        (row,) = rows(admin, PRICES, unit_price="0.000001")

        assert row["unit_price"] == "0.000001"
        assert rows(admin, PRICES, unit_price_from="123456789012.123456")

    def test_booleans_take_all_their_spellings(self, admin: httpx.Client) -> None:
        assert (
            len(rows(admin, PRICES, enabled="true")) == len(rows(admin, PRICES, enabled="1")) == 3
        )

    @pytest.mark.parametrize(
        "wrong",
        [
            {"nothing": "1"},
            {"created_at": "soon"},
            {"current_version": "x"},
            {"status_from": "a"},
            {"created_at_from": ["2026-01-01", "2026-01-02"]},
        ],
    )
    def test_what_means_nothing_is_refused(
        self, admin: httpx.Client, wrong: dict[str, Any]
    ) -> None:
        assert refusal(admin, **wrong) == "bad_filter"

    @pytest.mark.parametrize("value", ["call ", " call", "call\u3000", "ca\tll", "call\n"])
    def test_what_no_name_can_be_is_no_filter(self, admin: httpx.Client, value: str) -> None:
        """To the database `call ` is `call`, to everybody else it is not."""
        assert refusal(admin, PRICES, unit=value) == "bad_filter"
        assert refusal(admin, PRICES, unit=["x", value]) == "bad_filter"
        for op, const in (("=", value), ("!=", value), ("IN", [value]), (">", value)):
            condition = json.dumps({"field": "unit", "op": op, "const": const})
            assert refusal(admin, PRICES, data_filter=condition) == "bad_filter"
        # A pattern is no name.
        condition = json.dumps({"field": "unit", "op": "LIKE", "const": f"{value}%"})
        assert rows(admin, PRICES, data_filter=condition) == []

    @pytest.mark.parametrize("name", ["api_key_hash", "previous_key_hash", "rate_window"])
    def test_a_hidden_column_cannot_be_guessed(self, admin: httpx.Client, name: str) -> None:
        assert refusal(admin, DISTRIBUTORS, **{name: "5"}) == "bad_filter"
        condition = json.dumps({"field": name, "op": "LIKE", "const": "5%"})
        assert refusal(admin, DISTRIBUTORS, data_filter=condition) == "bad_filter"


class TestDataFilter:
    def test_conditions_combine_with_their_brackets(self, admin: httpx.Client) -> None:
        a = {"field": "code", "op": "=", "const": "line-00"}
        b = {"field": "code", "op": "=", "const": "line-01"}
        published = {"field": "status", "op": "=", "const": "published"}

        assert codes_of(admin, {"AND": [{"OR": [a, b]}, published]}) == ["p00"]
        assert codes_of(admin, {"AND": [{"or": [a, b]}, {"NOT": published}]}) == ["p01"]

    def test_lists_and_nulls(self, admin: httpx.Client) -> None:
        some = {"field": "id", "op": "IN", "const": ["p01", "p02", "x"]}
        none = {"field": "current_version", "op": "IS NOT NULL"}

        assert codes_of(admin, some) == ["p01", "p02"]
        assert codes_of(admin, {"AND": [some, none]}) == []
        assert (
            len(codes_of(admin, {"field": "id", "op": "NOT IN", "const": ["p01"]}))
            == PIPELINE_COUNT - 1
        )

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"op": "!=", "const": "CNY"}, ["e3"]),
            ({"op": "<>", "const": "EUR"}, ["e1", "e2"]),
            ({"op": "NOT IN", "const": ["CNY", "x"]}, ["e3"]),
            ({"op": "=", "const": "CNY"}, ["e1", "e2"]),
        ],
    )
    def test_not_equal_holds_for_other_values(
        self, admin: httpx.Client, odd_names: None, condition: dict[str, Any], expected: list[str]
    ) -> None:
        only = {"field": "id", "op": "IN", "const": ["e1", "e2", "e3"]}
        both = {"AND": [only, {"field": "currency", **condition}]}

        assert ids(admin, DISTRIBUTORS, data_filter=json.dumps(both), sort="id") == expected

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"op": "!=", "const": "😀 a"}, ["e2", "e3"]),
            ({"op": "NOT IN", "const": ["😀 a", "x"]}, ["e2", "e3"]),
            ({"op": "NOT LIKE", "const": "%a%"}, ["e3"]),
            ({"op": "NOT LIKE", "const": "😀%"}, ["e2", "e3"]),
            ({"op": "!=", "const": ""}, ["e1", "e2"]),
            ({"op": "IS NULL"}, ["e3"]),
            # What is no other letter is not found for it, and capitals are no other letters.
            ({"op": "=", "const": "😀 a"}, ["e1"]), ({"op": "=", "const": "🎉 A"}, ["e2"]),
            ({"op": "=", "const": "🎈 a"}, []), ({"op": "IN", "const": ["😀 A", "x"]}, ["e1"]),
            ({"op": "LIKE", "const": "%🎉 A%"}, ["e2"]), ({"op": "LIKE", "const": "%🎈%"}, []),
        ],
    )  # fmt: skip
    def test_the_empty_ones_are_not_equal_and_emoji_are_not_alike(
        self, admin: httpx.Client, odd_names: None, condition: dict[str, Any], expected: list[str]
    ) -> None:
        one = {"field": "contact", **condition}
        negated = {"NOT": one}
        only = {"field": "id", "op": "IN", "const": ["e1", "e2", "e3"]}

        def ids_for(node: Any) -> list[str]:
            both = json.dumps({"AND": [only, node]})
            return ids(admin, DISTRIBUTORS, data_filter=both, sort="id")

        assert ids_for(one) == expected
        assert ids_for(negated) == [key for key in ("e1", "e2", "e3") if key not in expected]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("😀", ["e1"]), ("🎉", ["e2"]), ("🎈", []), ("CAFE", ["e1", "e2"]), ("é 😀", ["e1"]),
            ("É 🎉", ["e2"]), ("𠮷", ["e3"]), ("𠮸", []), ("E-1", ["e1"]),
        ],
    )  # fmt: skip
    def test_searches_tell_rare_letters_apart_and_not_capitals(
        self, admin: httpx.Client, odd_names: None, text: str, expected: list[str]
    ) -> None:
        assert ids(admin, DISTRIBUTORS, q=text, sort="id") == expected
        answer = admin.get(
            CODES,
            params={"dbname": "pipeline", "table": "distributors", "tblvalue": "id",
                    "tbltext": "name", "q": text},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        if text != "E-1":  # a code, which the drop-down does not show
            assert sorted(row["value"] for row in answer.json()) == expected

    def test_the_callers_wildcards_work(self, admin: httpx.Client) -> None:
        assert len(codes_of(admin, {"field": "name", "op": "LIKE", "const": "产线 Z%"})) == 1
        assert len(codes_of(admin, {"field": "name", "op": "LIKE", "const": "%\\_1\\%"})) == 8

    def test_the_text_of_a_code_filters(self, admin: httpx.Client) -> None:
        condition = {"field": "pipeline_id_text", "op": "LIKE", "const": "产线 Y%"}

        answer = admin.get(PRICES, params={"data_filter": json.dumps(condition)}).json()

        assert (answer["total"], answer["rows"][0]["pipeline_id"]) == (1, "p01")

    def test_a_var_is_no_column_filter(self, admin: httpx.Client) -> None:
        condition = {"field": "code", "op": "=", "var": "wanted"}

        assert codes_of(admin, condition, wanted="line-07") == ["p07"]
        assert len(codes_of(admin, condition)) == PIPELINE_COUNT

    def test_filters_are_joined_to_the_columns_given(self, admin: httpx.Client) -> None:
        everything = {"field": "id", "op": "IS NOT NULL"}

        assert codes_of(admin, everything, status="published", code="line-05") == ["p05"]

    @pytest.mark.parametrize(
        "wrong",
        [
            "{",
            "[]",
            '{"field":"id","op":"="}',
            '{"field":"1=0 union select 1","op":"=","const":1}',
            '{"field":"${1}$","op":"=","const":1}',
            '{"AND":[]}',
            '{"field":"nothing","op":"=","const":1}',
            '{"field":"created_at","op":">","const":"x"}',
            '{"field":"created_at","op":"LIKE","const":"2%"}',
            '{"field":"id","op":"=","const":{"a":1}}',
            '{"field":"id","op":"=","const":0}',
        ],
    )
    def test_wrong_filters_are_refused(self, admin: httpx.Client, wrong: str) -> None:
        assert refusal(admin, data_filter=wrong) == "bad_filter"


class TestAnswers:
    def test_money_is_text_and_times_are_utc(self, admin: httpx.Client) -> None:
        (row,) = rows(admin, PRICES, id="price2")

        assert row["unit_price"] == "123456789012.123456"
        assert row["effective_from"] == "2026-01-01T00:00:00.000Z"
        assert row["enabled"] == 1

    def test_what_is_confidential_never_leaves(self, admin: httpx.Client) -> None:
        answer = admin.get(DISTRIBUTORS)

        assert "api_key_hash" not in answer.text
        assert "rate_window" not in answer.text
        assert "5" * 64 not in answer.text

    def test_the_page_itself_opens(self, admin: httpx.Client) -> None:
        answer = admin.post("/pipeline_core/pipelines", data={"_webbricks_": "1", "x": '"}]'})

        assert answer.status_code == 200
        assert answer.json()["options"]["data_params"]["x"] == '"}]'

    def test_nobody_reads_without_signing_in(self, server: Installation) -> None:
        with server.anonymous() as client:
            assert client.get(PIPELINES).status_code == 401
            assert client.get(CODES).status_code == 401


ASKED = {"dbname": "pipeline", "table": "pipelines", "tblvalue": "id", "tbltext": "name"}


class TestCodes:
    def test_choices_have_the_names_asked_for(self, admin: httpx.Client) -> None:
        names = {"valueField": "pipeline_id", "textField": "pipeline_id_text"}

        body = admin.get(CODES, params=ASKED | names).json()

        assert len(body) == PIPELINE_COUNT
        assert body[0].keys() == {"pipeline_id", "pipeline_id_text"}

    def test_a_search_means_what_it_says(self, admin: httpx.Client) -> None:
        def texts(q: str) -> list[str]:
            body = admin.get(CODES, params=ASKED | {"q": q}).json()
            return [choice["text"] for choice in body]

        assert len(texts("_1%")) == 8
        assert texts("__1") == []
        assert texts("产线 z") == ["产线 Z_0%"]

    def test_the_chosen_one_is_always_there(self, admin: httpx.Client) -> None:
        body = admin.get(CODES, params=ASKED | {"q": "产线 Z", "value": "p07"}).json()

        assert [choice["value"] for choice in body] == ["p00", "p07"]

    @pytest.mark.parametrize(
        "change",
        [
            {"table": "distributors", "tbltext": "api_key_hash"},
            {"table": "users", "tbltext": "password"},
            {"tblvalue": "(select version())"},
            {"tbltext": "name, code"},
            {"cond": "1=1 or 1=1"},
            {"dbname": "sage"},
        ],
    )
    def test_nothing_else_is_answered(self, admin: httpx.Client, change: dict[str, str]) -> None:
        assert refusal(admin, CODES, **(ASKED | change)) == "bad_code"

    @pytest.mark.parametrize("change", [{"valueField": "a b"}, {"more": "1"}, {"table": ""}])
    def test_wrong_parameters_are_named(self, admin: httpx.Client, change: dict[str, str]) -> None:
        assert refusal(admin, CODES, **(ASKED | change)) == "invalid_fields"

    def test_who_sees_no_list_with_these_texts_gets_none(self, server: Installation) -> None:
        make_user(server, "stranger", "")
        buyers = {**ASKED, "table": "distributors"}
        for name, statuses in (("stranger", [403, 403]), ("viewer", [200, 200])):
            client = server.sign_in(name, PASSWORDS.get(name, f"{name}-password"))
            answer = [client.get(CODES, params=query).status_code for query in (ASKED, buyers)]
            assert answer == statuses, name
