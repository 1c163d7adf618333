"""The page and the commands that tell who may do what, and why."""

import json

import httpx
import pytest

from tests.support.installation import Installation

PATHS = [
    "/", "/index.ui", "/login.ui", "/whoami.dspy", "/rights.ui", "/app_audit",
    "/pipeline_core/pipelines", "/pipeline_core/pipelines/get_pipelines.dspy",
    "/pipeline_core/api/pipelines_create.dspy", "/pipeline_dist/distributors",
    "/pipeline_dist/v1/openapi.json", "/pipeline_ops/api/usage_stats.dspy",
    "/bricks/nothing-here.js", "/nowhere.ui", "/pipeline_core", "/healthz",
]  # fmt: skip


def ask(client: httpx.Client, **params: str) -> dict:
    answer = client.get("/rights.dspy", params=params)
    assert answer.status_code == 200, answer.text
    record: dict = answer.json()["data"]
    return record


def texts(widget: dict) -> str:
    """All that a described page shows."""
    return json.dumps(widget, ensure_ascii=False)


@pytest.mark.parametrize("name", ["admin", "operator", "viewer"])
def test_what_is_told_is_what_happens(server: Installation, admin: httpx.Client, name: str):
    client = server.sign_in(name)

    for path in PATHS:
        explanation = ask(admin, path=path, username=name)
        answer = client.get(path, headers={"Accept": "application/json"})

        assert explanation["exists"] is (answer.status_code != 404), path
        if explanation["exists"]:
            happened = answer.status_code not in (401, 403)
            assert explanation["allowed"] is happened, (
                path,
                explanation["reason"],
                answer.status_code,
            )


def test_who_is_told_to_may_without_signing_in_gets_in(server: Installation, admin: httpx.Client):
    anonymous = server.anonymous()

    for path in PATHS:
        answer = ask(admin, path=path)

        # The site's address leads to the login instead of refusing.
        assert answer["anonymous"] is (anonymous.get(path).status_code not in (302, 401, 403)), path


def test_who_may_names_the_permission_the_role_and_the_users(admin: httpx.Client):
    answer = ask(admin, path="/pipeline_core/api/pipelines_create.dspy")

    assert answer["roles"] == ["owner.superuser"]
    assert [user["username"] for user in answer["users"]] == ["admin"]
    assert answer["users"][0]["because"] == [
        {"registered": "/pipeline_core/api/**", "role": "owner.superuser",
         "held": "owner.superuser"}
    ]  # fmt: skip
    permission = answer["permissions"][0]
    assert (permission["registered"], permission["match"], permission["module"]) == (
        "/pipeline_core/api/**", "prefix", "pipeline_core",
    )  # fmt: skip


def test_a_right_through_a_wildcard_says_which_role_brings_it(
    server: Installation, admin: httpx.Client
):
    server.query("insert into role values ('wild', 'owner', '*')", database="sage")
    server.query("insert into permission (id, name, path) values ('wild', 'x', '/nowhere.ui')",
                 database="sage")  # fmt: skip
    server.query("insert into rolepermission values ('wild', 'wild', 'wild')", database="sage")
    try:
        answer = ask(admin, path="/nowhere.ui", username="viewer")
    finally:
        for table in ("role", "permission", "rolepermission"):
            server.query(f"delete from {table} where id = 'wild'", database="sage")

    assert answer["allowed"] is True
    assert answer["because"] == [
        {"registered": "/nowhere.ui", "role": "owner.*", "held": "owner.viewer"}
    ]


def test_what_a_user_may_do_is_listed_with_the_roles(admin: httpx.Client):
    answer = ask(admin, username="operator")

    assert answer["roles"] == ["owner.operator"]
    assert answer["effective_roles"] == [
        "*.operator",
        "any",
        "logined",
        "owner.*",
        "owner.operator",
    ]
    role_of = {item["registered"]: item["because"][0]["role"] for item in answer["permissions"]}
    assert role_of["/pipeline_ops/api/**"] == "owner.operator"
    assert role_of["/index.ui"] == "logined"
    assert "/pipeline_dist/api/**" not in role_of


def test_the_page_is_for_superusers_and_the_menu_shows_it_to_them_only(server: Installation):
    for name, may in (("admin", True), ("operator", False), ("viewer", False)):
        client = server.sign_in(name)
        shell = client.get("/index.ui", params={"_webbricks_": 1}).json()
        labels = [entry["label"] for entry in shell["options"]["menu"]]

        assert ("Rights" in labels) is may
        for path in ("/rights.ui", "/rights.dspy?path=/"):
            assert (client.get(path).status_code == 200) is may, (name, path)


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [("en", "may be used by: owner.superuser."), ("zh", "的角色：owner.superuser。")],
)
def test_the_answer_is_in_the_readers_language(admin: httpx.Client, lang: str, sentence: str):
    answer = admin.get("/rights.dspy", params={
        "path": "/pipeline_core/api/pipelines_create.dspy", "_webbricks_": 1, "_lang": lang,
    })  # fmt: skip

    view = answer.json()
    assert view["widgettype"] == "VBox"
    assert sentence in texts(view)


def test_the_page_is_well_formed_whatever_it_is_opened_with(admin: httpx.Client):
    hostile = '"}], "widgettype": "Text"</script><script>alert(1)</script>{{7*7}}'

    page = admin.get("/rights.ui", params={"path": hostile, "username": hostile, "_webbricks_": 1})

    details = page.json()["subwidgets"][1]
    assert (details["widgettype"], details["options"]["open"]) == ("Folded", True)
    fields = details["subwidgets"][0]["options"]["fields"]
    assert [field["value"] for field in fields] == [hostile, hostile]


def test_names_with_signs_of_their_own_break_no_table(server: Installation, admin: httpx.Client):
    name = "a|b`c**d\n| e"
    server.query("insert into users (id, username, user_status) values ('odd', %s, '0')", name,
                 database="sage")  # fmt: skip
    try:
        view = admin.get("/rights.dspy", params={"path": "/index.ui", "_webbricks_": 1}).json()
    finally:
        server.query("delete from users where id = 'odd'", database="sage")

    tables = [w["options"]["mdtext"] for w in view["subwidgets"] if w["widgettype"] == "MdText"]
    row = next(line for line in tables[-1].splitlines() if "a¦b" in line)
    assert row.count("|") == 4
    assert row.count("`") == 6


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({}, 400, "invalid_fields"),
        ({"path": "  "}, 400, "invalid_fields"),
        ({"username": "nobody"}, 404, "not_found"),
        ({"path": "/x" * 300}, 400, "invalid_fields"),
        ({"path": "/", "more": "1"}, 400, "invalid_fields"),
    ],
)
def test_what_cannot_be_asked_is_told(admin: httpx.Client, params: dict, status: int, code: str):
    answer = admin.get("/rights.dspy", params=params)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


# The two commands


def test_the_commands_tell_the_same_as_the_page(server: Installation, admin: httpx.Client):
    path = "/pipeline_core/pipelines"

    who = json.loads(server.manage("who-may", path, "--json").stdout)
    may = json.loads(server.manage("may", "viewer", path, "--json").stdout)
    everything = json.loads(server.manage("may", "viewer", "--json").stdout)

    assert who == ask(admin, path=path)
    assert may == ask(admin, path=path, username="viewer")
    assert everything == ask(admin, username="viewer")


def test_the_commands_print_tables_in_both_languages(server: Installation):
    path = "/pipeline_core/pipelines"
    english = server.manage("who-may", path).stdout
    chinese = server.command("app/manage.py", "who-may", path, env={"LC_ALL": "zh_CN.UTF-8"}).stdout

    assert "It is a folder; what counts is /pipeline_core/pipelines/index.ui." in english
    assert "  viewer    owner.viewer     owner.viewer\n" in english
    assert "这是一个目录，以 /pipeline_core/pipelines/index.ui 为准。" in chinese
    assert "viewer" in chinese
    # A Chinese character takes two columns: the line below the headings shows the widths.
    lines = chinese.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  用户"))
    assert lines[at] == "  用户      角色             凭其角色"
    assert lines[at + 1] == "  --------  ---------------  ---------------"


def test_nobody_is_said_with_the_reason(server: Installation):
    assert "not registered" in server.manage("who-may", "/nothing").stdout
    assert "one spelling" in server.manage("who-may", "/x/../y").stdout
    refusal = server.manage("may", "viewer", "/rights.ui").stdout
    assert refusal.startswith("No. viewer may not use /rights.ui: it takes one of the roles"
                              " owner.superuser.\n")  # fmt: skip


def test_a_user_that_is_not_there_is_told(server: Installation):
    process = server.manage("may", "Viewer", check=False)

    assert process.returncode == 1
    assert process.stderr == "There is no user Viewer; did you mean viewer?\n"
