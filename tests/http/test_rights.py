"""Rights as Sage's tables say them: who gets in, who does not, and how soon a change counts."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from app.access.paths import OPEN_PATHS, WebPaths
from app.access.rbac import covers
from app.base.settings import ROOT
from tests.support.installation import DIRECT, FORGOTTEN, WITHIN, Installation

MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")
# Only the superuser may use these.
PATHS = [
    f"/pipeline_core/api/{name}.dspy"
    for name in (
        "pipelines_create", "pipelines_update", "pipelines_delete", "pipeline_publish",
        "pipeline_rollback", "pipeline_steps_create", "pipeline_steps_update",
        "pipeline_steps_delete", "pipeline_steps_reorder",
    )
]  # fmt: skip
# So many connections do not all reach the same one of two workers.
LOOKS = 12


def status(server: Installation, path: str, cookies: str = "") -> int:
    """The status on a connection of its own, which any worker may get."""
    headers = {"Cookie": cookies} if cookies else {}
    url = server.base_url + path
    return httpx.get(url, headers=headers, **DIRECT, timeout=30).status_code


def cookies_of(client: httpx.Client) -> str:
    return f"pipeline_session={client.cookies['pipeline_session']}"


def passes_the_guard(answer: httpx.Response) -> bool:
    """Whether a script or file answered: one that asks for an API key refuses in its own words."""
    if answer.status_code == 302:
        return not answer.headers["location"].startswith("/login.ui")
    if answer.status_code not in (401, 403):
        return True
    return answer.json()["code"] not in ("not_signed_in", "forbidden")


def gets_in(server: Installation, path: str, cookies: str = "") -> set[bool]:
    """What the workers say: whether the caller gets past the guard."""
    return {status(server, path, cookies) not in (401, 403) for _ in range(LOOKS)}


def within_seconds(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + WITHIN
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def sage(server: Installation, sql: str, *values):
    return server.query(sql, *values, database="sage")


@contextmanager
def rights(server: Installation, *grants: tuple[str, str]) -> Iterator[None]:
    """Each (role, path) given as an administrator of Sage does it: by rows of its own."""
    for number, (role, path) in enumerate(grants):
        sage(server, "insert ignore into permission (id, name, path) values (%s, 'by hand', %s)",
             f"hand-{number}", path)  # fmt: skip
        permission_id = sage(server, "select id from permission where path = %s", path)[0]["id"]
        sage(server, "insert into rolepermission values (%s, %s, %s)",
             f"hand-{number}", _role(server, role), permission_id)  # fmt: skip
    try:
        yield
    finally:
        sage(server, "delete from rolepermission where id like 'hand-%%'")
        sage(server, "delete from permission where id like 'hand-%%'")


def _role(server: Installation, name: str) -> str:
    if name in ("any", "logined", "anonymous"):
        return name
    org_type, _, short = name.partition(".")
    sage(server, "insert into role select %s, %s, %s from dual where not exists"
                 " (select 1 from role where orgtypeid = %s and name = %s)",
         f"role-{name}"[:32], org_type, short, org_type, short)  # fmt: skip
    return sage(server, "select id from role where orgtypeid = %s and name = %s",
                org_type, short)[0]["id"]  # fmt: skip


def test_rights_given_and_withdrawn_count_within_seconds_on_all_workers(server: Installation):
    viewer = cookies_of(server.sign_in("viewer"))
    by_name, by_org_type, by_short, percent, stars, main, logined, anybody, anonymous = PATHS
    grants = (
        ("owner.viewer", by_name),
        ("owner.*", by_org_type),
        ("*.viewer", by_short),
        ("owner.viewer", percent.replace(".dspy", "%")),
        ("owner.viewer", stars.replace("rollback.dspy", "roll**")),
        ("owner.viewer", "/main" + main),
        ("logined", logined),
        ("any", anybody),
        ("anonymous", anonymous),
        ("owner.operator", by_name),  # of no use to a viewer
    )

    def who_gets_in() -> dict[str, list[set[bool]]]:
        return {path: [gets_in(server, path, viewer), gets_in(server, path)] for path in PATHS}

    nobody = {path: [{False}, {False}] for path in PATHS}
    expected = {path: [{True}, {path == anybody}] for path in PATHS[:-1]}
    expected[anonymous] = [{False}, {True}]
    assert who_gets_in() == nobody

    with rights(server, *grants):
        time.sleep(FORGOTTEN)
        answers = who_gets_in()
    time.sleep(FORGOTTEN)

    assert answers == expected
    assert who_gets_in() == nobody


def test_a_role_given_to_a_user_counts_and_a_withdrawn_one_ends_it(server: Installation):
    path = "/pipeline_dist/api/distributor_pipeline_create.dspy"
    viewer = cookies_of(server.sign_in("viewer"))
    assert gets_in(server, path, viewer) == {False}

    sage(server, "insert into userrole select 'hand', u.id, r.id from users u, role r"
                 " where u.username = 'viewer' and r.name = 'operator'")  # fmt: skip
    try:
        gets_in_soon = within_seconds(lambda: gets_in(server, path, viewer) == {True})
    finally:
        sage(server, "delete from userrole where id = 'hand'")

    assert gets_in_soon
    assert within_seconds(lambda: gets_in(server, path, viewer) == {False})


def test_a_role_of_another_organisation_type_is_another_role(server: Installation):
    path = "/pipeline_core/pipelines/get_pipelines.dspy"
    _role(server, "customer.superuser")
    server.manage("create-admin", "--username", "li", "--role", "customer.superuser",
                  "--password-stdin", stdin="li-password-1\n")  # fmt: skip

    assert gets_in(server, path, cookies_of(server.sign_in("li", "li-password-1"))) == {False}


def test_several_roles_of_a_user_add_up(server: Installation):
    user = sage(server, "select id from users where username = 'viewer'")[0]["id"]
    for number, name in enumerate(("customer.reader", "partner.reader")):
        sage(server, "insert into userrole values (%s, %s, %s)",
             f"hand-{number}", user, _role(server, name))  # fmt: skip
    try:
        viewer = cookies_of(server.sign_in("viewer"))
        with rights(server, ("customer.reader", PATHS[0]), ("partner.*", PATHS[1])):
            assert within_seconds(
                lambda: all(gets_in(server, path, viewer) == {True} for path in PATHS[:2])
            )
    finally:
        sage(server, "delete from userrole where id like 'hand-%%'")


def test_a_file_that_nobody_registered_is_refused_to_everybody(server: Installation):
    sage(server, "update permission set path = concat('/away', path) where path = '/dashboard.ui'")
    try:
        admin = cookies_of(server.sign_in("admin"))
        assert within_seconds(lambda: gets_in(server, "/dashboard.ui", admin) == {False})
        assert status(server, "/dashboard.ui") == 401
    finally:
        sage(server, "update permission set path = '/dashboard.ui'"
                     " where path = '/away/dashboard.ui'")  # fmt: skip


def files() -> list[str]:
    """The URL path of every file that lies below a web root."""
    result = []
    for prefix, root in [("", ROOT / "app/wwwroot")] + [
        (f"/{name}", ROOT / name / "wwwroot") for name in MODULES
    ]:
        result += [
            f"{prefix}/{file.relative_to(root).as_posix()}"
            for file in root.rglob("*")
            if file.is_file() and not any(part.is_symlink() for part in [file, *file.parents])
        ]
    return sorted(result)


def test_every_file_is_reachable_for_exactly_those_who_have_a_registered_right(
    server: Installation, admin: httpx.Client
):
    rows = sage(server, "select p.path, rp.roleid from permission p"
                        " join rolepermission rp on rp.permid = p.id")  # fmt: skip
    folders = {path.rsplit("/", 1)[0] or "/" for path in files()}
    anonymous, wrong = server.anonymous(), []
    for path in sorted({*files(), *folders}):
        decided_by = path
        if path in folders:
            index = next((f"{path.rstrip('/')}/{name}" for name in ("index.ui", "index.dspy")
                          if f"{path.rstrip('/')}/{name}" in files()), None)  # fmt: skip
            decided_by = index or path
        having = {row["roleid"] for row in rows if covers(row["path"], decided_by)}
        got_in = passes_the_guard(anonymous.get(path))
        if got_in != bool(having & {"any", "anonymous"}):
            wrong.append(f"{path}: without a login {'open' if got_in else 'shut'}")
        answer = admin.get(path)
        nothing = path in folders and decided_by == path and answer.status_code == 404
        if passes_the_guard(answer) and not having and not nothing:
            wrong.append(f"{path}: open to the administrator, and not registered")

    assert len(files()) > 80
    assert wrong == []


def test_only_three_answers_of_the_host_ask_for_no_right(server: Installation):
    assert set(OPEN_PATHS) == {"/healthz", "/readyz", "/metrics"}
    for path in OPEN_PATHS:
        refusal = server.anonymous().post(path)
        assert (refusal.status_code, refusal.headers["Allow"]) == (405, "GET")
    assert {status(server, path) for path in OPEN_PATHS} == {200}
    for path in OPEN_PATHS:
        assert status(server, f"{path}/") in (401, 404)


def test_nothing_is_registered_twice_differently(database: Installation):
    """By two modules, or for everybody and for a role too: then one of the two is a mistake."""
    lists = {module: _registered(module) for module in ("app", *MODULES)}
    twice = [
        (path, one, other)
        for one, paths_of in lists.items()
        for other, others in lists.items()
        if one < other
        for path in {item for paths in paths_of.values() for item in paths}
        if any(path in paths for paths in others.values())
    ]
    open_and_not = [
        (module, path, role)
        for module, paths_of in lists.items()
        for role, paths in paths_of.items()
        if role not in ("any", "logined")
        for path in paths
        for open_to in ("any", "logined")
        if any(covers(item, path) for item in paths_of[open_to])
    ]

    assert twice == []
    assert open_and_not == []


def test_every_registered_path_is_a_file(database: Installation):
    config = database.settings
    roots = {name: ROOT / name / "wwwroot" for name in MODULES}
    find = WebPaths(config.web_root, config.indexes, roots).find
    registered_paths = {
        path
        for module in ("app", *MODULES)
        for paths in _registered(module).values()
        for path in paths
        if not path.endswith("**")
    }

    # Browsers ask for it unasked; without the right each would be a refusal in the log.
    assert {path for path in registered_paths if find(path) is None} <= {"/favicon.ico"}


def _registered(module: str) -> dict[str, tuple[str, ...]]:
    """What a module's load_path.py lists, per role."""
    result: dict[str, object] = {}
    source = (ROOT / module / "scripts/load_path.py").read_text("utf-8")
    exec(compile(source, module, "exec"), result)  # noqa: S102  our own file, run as a script is
    roles = {name: tuple(paths) for name, paths in result.get("ROLES", {}).items()}  # type: ignore[attr-defined]
    return {"any": tuple(result["ANY"]), "logined": tuple(result["LOGINED"]), **roles}  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["owner.superuser", "owner.operator", "owner.viewer"])
def test_the_roles_keep_apart_what_they_should(role: str):
    result = {path for module in ("app", *MODULES) for path in _registered(module).get(role, ())}
    secret = ("/pipeline_dist/api/distributor_generate_key.dspy", "/rights.dspy",
              "/pipeline_dist/distributors/get_distributors.dspy")  # fmt: skip
    writes = "/pipeline_core/api/pipelines_delete.dspy"

    assert all(any(covers(item, path) for item in result) for path in secret) is (
        role == "owner.superuser"
    )
    assert any(covers(item, writes) for item in result) is (role == "owner.superuser")


def test_uses_of_a_folder_below_an_audited_prefix_are_written_down(server: Installation):
    client = server.sign_in("viewer")
    sage(server, "insert into permission (id, name, path, need_audit)"
                 " values ('hand-a', 'x', '/main/pipeline_core/pipelines/%', '1')")  # fmt: skip
    try:
        time.sleep(FORGOTTEN)
        for _ in range(4):
            assert client.get("/pipeline_core/pipelines", params={"x": "y"}).status_code == 200
        large = client.post(
            "/pipeline_core/pipelines/get_pipelines.dspy",
            json={"_note": "长" * 100_000, "_more": [{"api_key": "hidden"}]},
        )
    finally:
        sage(server, "delete from permission where id = 'hand-a'")

    rows = sage(server, "select * from audit_log where permid = 'hand-a'")
    assert large.status_code == 200
    assert len(rows) == 5
    assert not any("hidden" in row["params_kw"] for row in rows)


def test_a_sage_without_an_audit_log_refuses_nobody(server: Installation):
    sage(server, "insert into permission (id, name, path, need_audit)"
                 " values ('hand-a', 'x', '/whoami.d%', '1')")  # fmt: skip
    sage(server, "rename table audit_log to audit_log_away")
    try:
        server.restart()
        assert server.anonymous().get("/whoami.dspy").status_code == 200
        logs = server.logs()
    finally:
        sage(server, "rename table audit_log_away to audit_log")
        sage(server, "delete from permission where id = 'hand-a'")
        server.restart()

    assert "the Sage database has no audit_log" in logs
