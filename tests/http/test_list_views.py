"""Views of lists on the server: whose they are, who may share them, what they may hold."""

from typing import Any

import httpx
import pytest

from tests.support.installation import Installation

SAVE, DELETE = "/appbase/view_save.dspy", "/appbase/view_delete.dspy"
TEAM_SAVE, TEAM_DELETE = "/appbase/team_view_save.dspy", "/appbase/team_view_delete.dspy"
CONTENT = {"q": '"quoted" ${x} <b>', "f": [["status", "eq", "draft"]], "c": ["name", "gone"]}


def save(client: httpx.Client, name: str, url: str = SAVE, **more: Any) -> httpx.Response:
    return client.post(url, json={"list": "pipelines", "name": name, "content": CONTENT, **more})


def views(client: httpx.Client, page: str = "/pipeline_core/pipelines/index.ui") -> dict[str, Any]:
    answer = client.get(page, params={"_webbricks_": 1})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["options"]["views"])


def names(some: list[dict[str, Any]]) -> list[str]:
    return [view["name"] for view in some]


@pytest.fixture(autouse=True)
def _no_views(server: Installation) -> None:
    server.query("delete from app_view")


def test_a_view_is_its_owners_and_outlasts_the_session(server: Installation) -> None:
    first = server.sign_in("viewer")
    view = save(first, "drafts").json()["data"]
    assert view["content"] == CONTENT
    assert first.post("/logout.dspy").status_code == 200

    again = server.sign_in("viewer")
    assert views(again) == {"mine": [view], "team": [], "may_share": False}
    assert views(server.sign_in("operator"))["mine"] == []
    # Another's cannot be deleted, nor as one of the team.
    for client, url in ((server.admin, DELETE), (server.admin, TEAM_DELETE)):
        assert client.post(url, json={"id": view["id"]}).status_code == 404
    assert again.post(DELETE, json={"id": view["id"]}).status_code == 200
    assert views(again)["mine"] == []


def test_of_the_team_everybody_hears_and_some_may_share(server: Installation) -> None:
    viewer, operator = server.sign_in("viewer"), server.sign_in("operator")
    assert save(viewer, "ours", TEAM_SAVE).status_code == 403
    view = save(operator, "ours", TEAM_SAVE).json()["data"]
    assert names(views(viewer)["team"]) == ["ours"]
    assert viewer.post(TEAM_DELETE, json={"id": view["id"]}).status_code == 403
    assert viewer.post(DELETE, json={"id": view["id"]}).status_code == 404
    assert server.admin.post(TEAM_DELETE, json={"id": view["id"]}).status_code == 200


def test_who_may_not_see_a_list_has_no_view_of_it(server: Installation) -> None:
    viewer = server.sign_in("viewer")
    assert save(viewer, "x", list="app_audit").status_code == 403
    assert save(viewer, "x", list="app_session").status_code == 403
    assert save(viewer, "x", list="nowhere").status_code == 403
    assert server.anonymous().post(SAVE, json={}).status_code in (401, 403)


def test_one_of_a_name_one_that_opens_first(server: Installation) -> None:
    client = server.sign_in("operator")
    save(client, "a", is_default=True)
    save(client, "b", is_default=True)
    same = save(client, "a", content={"q": "new"}).json()["data"]
    assert same["content"] == {"q": "new"}
    # Taken over from a browser: what is there already stays.
    assert save(client, "a", if_new=True).json()["data"] == same
    mine = views(client)["mine"]
    assert [(view["name"], view["is_default"]) for view in mine] == [("a", False), ("b", True)]
    # A view of the team does not touch one's own.
    save(client, "b", TEAM_SAVE, is_default=True)
    assert [view["is_default"] for view in views(client)["mine"]] == [False, True]


@pytest.mark.parametrize(
    "values",
    [{"name": ""}, {"name": "n" * 61}, {"name": " a"}, {"content": "[1]"}, {"content": "{"},
     {"content": {"q": "x" * 5000}}, {"is_default": "maybe"}],
)  # fmt: skip
def test_what_is_no_view_is_refused(server: Installation, values: dict[str, Any]) -> None:
    answer = server.admin.post(
        SAVE, json={"list": "pipelines", "name": "n", "content": {}} | values
    )
    assert answer.status_code == 400, answer.text
    assert server.admin.get(SAVE).status_code == 405


def test_there_are_so_many_at_most(server: Installation) -> None:
    for number in range(100):
        assert save(server.admin, f"v{number}").status_code == 200
    answer = save(server.admin, "one more")
    assert answer.status_code == 409
    assert answer.json()["code"] == "too_many_views"
    assert save(server.admin, "v7").status_code == 200
