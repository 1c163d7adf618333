"""The search over everything: what there is by name, number and reference, for who may see it."""

from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.selling import make_distributor, make_pipeline, make_reseller

URL = "/appbase/search.dspy"


def hits(client: httpx.Client, text: str) -> dict[str, list[dict[str, Any]]]:
    answer = client.get(URL, params={"q": text})
    assert answer.status_code == 200, answer.text
    return {kind["name"]: kind["hits"] for kind in answer.json()["data"]}


def test_what_is_the_text_comes_before_what_has_it(server: Installation) -> None:
    for code, name in (("zz-abc", "Aaa"), ("abc-long", "Bbb"), ("abc", "Zzz"), ("other", "Other")):
        make_pipeline(server.admin, code=code, name=name, publish=False)
    lines = hits(server.admin, "ABC")["pipelines"]
    assert [each["detail"] for each in lines] == ["abc", "abc-long", "zz-abc"]
    assert lines[0]["url"].startswith("/pipeline_core/line.ui?pipeline_id=")


def test_signs_mean_themselves(server: Installation) -> None:
    make_distributor(server.admin, name="100% _real_ 🎬")
    for text in ("%", "_real_", "🎬", "100% _"):
        assert [hit["text"] for hit in hits(server.admin, text)["distributors"]] == [
            "100% _real_ 🎬"
        ]
    assert "distributors" not in hits(server.admin, "' or 1=1 --")


def test_calls_by_number_and_by_the_customers_own(server: Installation) -> None:
    pipeline = make_pipeline(server.admin)
    sellers = [make_reseller(server, pipeline) for _ in range(2)]
    calls = [
        seller.begin(pipeline, key="one", client_ref="order/7").json()["call_no"]
        for seller in sellers
    ]
    assert {hit["text"] for hit in hits(server.admin, "order/7")["calls"]} == set(calls)
    (hit,) = hits(server.admin, calls[0])["calls"]
    assert (hit["text"], hit["detail"]) == (calls[0], "order/7")
    assert hit["at"].endswith("Z")
    assert "calls" not in hits(server.admin, "order")


@pytest.mark.parametrize("text", ["", "  ", "x" * 201])
def test_nothing_and_too_much(server: Installation, text: str) -> None:
    answer = server.admin.get(URL, params={"q": text})
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"] == "/q"


def test_nobody_hears_of_what_he_may_not_list(server: Installation) -> None:
    make_distributor(server.admin, name="Secret Customer")
    make_pipeline(server.admin, name="Public Line")
    viewer = server.sign_in("viewer")
    assert "distributors" not in hits(viewer, "Secret")
    assert [hit["text"] for hit in hits(viewer, "Public")["pipelines"]] == ["Public Line"]
    assert server.anonymous().get(URL, params={"q": "Public"}).status_code == 401
