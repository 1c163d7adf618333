"""The module's pages and widgets over HTTP, and who may only look."""

import json
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.pipelines import ask, do, free_code, new_pipeline, refusal_of, rows

PAGES = ("validate", "status", "clone", "export")


def test_writing_answers_to_post_only(admin: httpx.Client) -> None:
    for endpoint in ("pipelines_create", "pipeline_publish", "pipeline_steps_reorder"):
        answer = admin.get(f"/pipeline_core/api/{endpoint}.dspy")
        refusal_of(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/pipeline_core/api/pipelines_create.dspy", "POST"),
        ("/pipeline_core/api/pipeline_diff.dspy", "GET, POST"),
        ("/pipeline_core/pipelines/get_pipelines.dspy", "GET, POST"),
        ("/login.dspy", "POST"), ("/appbase/import_rows.dspy", "POST"), ("/login.ui", "GET, POST"),
        ("/favicon.svg", "GET"),
    ],
)  # fmt: skip
def test_other_methods_hear_what_the_path_answers_to(
    admin: httpx.Client, path: str, methods: str
) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = admin.request(method, path)
        refusal_of(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == methods


def test_a_page_gets_widgets(admin: httpx.Client) -> None:
    page = {"_webbricks_": "1"}
    good = {"code": free_code(), "name": "产线"}

    reader = {"Accept-Language": "zh"}

    answer = admin.post(
        "/pipeline_core/api/pipelines_create.dspy", data=good | page, headers=reader
    )
    wrong = admin.post("/pipeline_core/api/pipelines_create.dspy", data=good | page, headers=reader)

    assert (answer.status_code, answer.json()["widgettype"]) == (200, "Message")
    assert answer.json()["options"]["user_data"]["code"] == good["code"]
    assert (wrong.status_code, wrong.json()["widgettype"]) == (200, "Error")
    assert wrong.json()["options"]["code"] == "duplicate"
    assert wrong.json()["options"]["fields"]["code"].startswith("已有此代码的产线")


def test_who_may_only_look_cannot_write(server: Installation, admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    do(admin, "pipeline_publish", pipeline_id=pipeline["id"])

    for role in ("operator", "viewer"):
        client = server.sign_in(role)
        assert len(rows(client, "pipeline_steps", pipeline_id=pipeline["id"])) == 1
        assert do(client, "pipeline_validate", pipeline_id=pipeline["id"])["publishable"] is True
        do(client, "pipeline_diff", pipeline_id=pipeline["id"], **{"from": 1, "to": "draft"})
        for endpoint in ("pipelines_create", "pipeline_publish", "pipeline_steps_delete"):
            assert ask(client, endpoint, pipeline_id=pipeline["id"]).status_code == 403
    assert ask(server.anonymous(), "pipeline_diff").status_code == 401


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("text", ["p1", '"}],"x":[{"', "{{ 7*7 }}</script>", "', 1, '\\"])
def test_pages_stay_whole_whatever_the_parameters_hold(
    admin: httpx.Client, page: str, text: str
) -> None:
    params: dict[str, Any] = {"_webbricks_": 1, "_lang": "en", "referer_widget": text}
    params |= {"pipeline_id": text, "version_no": text, "from": text}

    answer = admin.get(f"/pipeline_core/pipeline_{page}.ui", params=params)

    assert answer.status_code == 200
    assert answer.json()["widgettype"]
    assert json.dumps(text)[1:-1] in json.dumps(answer.json())


def test_views_say_it_in_words(admin: httpx.Client) -> None:
    pipeline = new_pipeline(admin, "a")
    look = {"pipeline_id": pipeline["id"], "_webbricks_": 1}

    def texts(view: str, **more: Any) -> str:
        answer = admin.get(f"/pipeline_core/api/{view}.dspy", params=look | more)
        assert answer.status_code == 200
        assert answer.json()["widgettype"] == "VBox", answer.text
        return answer.text

    assert "The line can be published." in texts("pipeline_validate_view", _lang="en")
    assert "可以发布" in texts("pipeline_validate_view", _lang="zh")
