"""
Every file under every web root, against the rights that are registered (kernel B2; issue 3, 3).

None is reachable without a registered permission, none is registered twice differently, and
every registered path exists.
"""

from collections import defaultdict
from pathlib import Path

import httpx
import pytest

from app.access.paths import STATIC_TYPES
from app.schema.tables import ROOT
from tests.support.installation import ROLES, Installation

MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")
RUN = frozenset({".dspy", ".ui", ".tmpl"})
INDEXES = ("index.ui", "index.dspy", "index.html")
# What anybody on the network may ask for, and nothing else. Whoever adds to it says so here.
OPEN_TO_ALL = {
    "/login.ui", "/login.dspy", "/welcome.ui", "/welcome.dspy", "/logout.dspy", "/whoami.dspy",
    "/bricks/**", "/favicon.svg", "/pipeline_dist/v1/**",
}  # fmt: skip
# What build.sh reads and nobody asks for.
FOR_NOBODY = {"/i18n/en.json", "/i18n/zh.json"}
EVERYBODY = ("any", "logined", "anonymous")
REFUSED = {"not_signed_in", "forbidden"}


def files() -> dict[str, Path]:
    """Every file under a web root, by its URL."""
    roots = {f"/{name}": ROOT / name / "wwwroot" for name in MODULES} | {"": ROOT / "app/wwwroot"}
    result = {}
    for prefix, root in roots.items():
        for file in sorted(root.rglob("*")):
            inside = file.relative_to(root)
            if file.is_file() and not (prefix == "" and inside.parts[0] in MODULES):
                result[f"{prefix}/{inside}"] = file
    return result


def is_served(url: str) -> bool:
    """Whether the host runs or sends files of this kind at all."""
    suffix = Path(url).suffix
    return suffix in RUN | STATIC_TYPES and not any(part[:1] == "." for part in Path(url).parts)


@pytest.fixture(scope="module")
def registered(server: Installation) -> dict[str, set[str]]:
    """The registered paths, and the roles that have a right to each."""
    rows = server.query(
        "select p.path, rp.roleid, r.orgtypeid, r.name from permission p"
        " left join rolepermission rp on rp.permid = p.id left join role r on r.id = rp.roleid",
        database="sage",
    )
    registrations: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        roles = registrations[row["path"]]
        if row["roleid"] in EVERYBODY:
            roles.add(row["roleid"])
        elif row["roleid"] is not None:
            roles.add(f"{row['orgtypeid']}.{row['name']}")
    return dict(registrations)


def covers(path: str, url: str) -> bool:
    """Whether the registered *path* is one for *url*, by the words of Sage."""
    return url.startswith(path[:-2]) if path.endswith("**") else url == path


def roles_of(registered: dict[str, set[str]], url: str) -> set[str]:
    return set().union(*(roles for path, roles in registered.items() if covers(path, url)))


@pytest.fixture(scope="module")
def clients(server: Installation) -> dict[str, httpx.Client]:
    """One client for each role, and one for nobody."""
    return {"": server.anonymous()} | {role: server.sign_in(name) for name, role in ROLES.items()}


@pytest.mark.parametrize("url", [url for url in files() if is_served(url)])
def test_a_file_is_reachable_by_the_roles_it_is_registered_for(
    registered: dict[str, set[str]], clients: dict[str, httpx.Client], url: str
):
    roles = roles_of(registered, url)

    assert roles or url in FOR_NOBODY, (
        f"{url} is registered for nobody: add it to its module's scripts/load_path.py"
    )
    for role, client in clients.items():
        may = "any" in roles or (("logined" in roles or role in roles) if role else False)
        for method in ("GET", "HEAD"):
            answer = client.request(method, url)
            assert (answer.status_code in (401, 403) and code_of(answer, url) in REFUSED) is (
                not may
            ), f"{role or 'nobody'}: {answer.status_code}"


def code_of(answer: httpx.Response, url: str) -> str:
    if answer.request.method == "HEAD":
        # No body: an API without its key says so by this header.
        return "invalid_key" if "www-authenticate" in answer.headers else "forbidden"
    return str(answer.json().get("code"))


@pytest.mark.parametrize("url", [url for url in files() if not is_served(url)])
def test_what_is_not_to_be_served_is_reachable_by_nobody(
    clients: dict[str, httpx.Client], url: str
):
    for client in clients.values():
        assert client.get(url).status_code in (401, 403, 404)


def test_every_registered_path_exists(registered: dict[str, set[str]]):
    urls = {url for url in files() if is_served(url)}
    folders = {f"{Path(url).parent}".rstrip("/") + "/" for url in urls if Path(url).name in INDEXES}

    missing = [
        path
        for path in registered
        if not (path in folders if path.endswith("/") else any(covers(path, url) for url in urls))
    ]

    assert missing == []


def test_no_path_is_registered_twice_differently(registered: dict[str, set[str]]):
    """Who is let in by `any` or `logined` needs no role, and a role there would mislead."""
    doubtful = []
    for path, roles in registered.items():
        others = [other for other in registered if other != path and covers(other, path)]
        wide = [other for other in others if registered[other] & {*EVERYBODY}]
        if wide or (roles & {*EVERYBODY} and len(roles) > 1):
            doubtful.append((path, sorted(roles), wide))

    assert doubtful == []


def test_no_path_belongs_to_two_modules():
    import runpy

    owners: dict[str, set[str]] = defaultdict(set)
    for module in ("app", *MODULES):
        script = runpy.run_path(str(ROOT / module / "scripts/load_path.py"))
        lists = [
            script.get("ANY", ()),
            script.get("LOGINED", ()),
            *script.get("ROLES", {}).values(),
        ]
        for paths in lists:
            for path in paths:
                owners[path].add(module)
                at_home = path.startswith(f"/{module}/")
                assert at_home or module == "app", f"{module} registers {path}"
                assert module != "app" or path.split("/")[1] not in MODULES, path

    assert {path: names for path, names in owners.items() if len(names) > 1} == {}


def test_nothing_else_is_open_to_everybody(registered: dict[str, set[str]]):
    assert {
        path for path, roles in registered.items() if roles & {"any", "anonymous"}
    } == OPEN_TO_ALL


@pytest.mark.parametrize("role", ["owner.operator", "owner.viewer"])
def test_who_only_reads_cannot_change_anything(
    registered: dict[str, set[str]], clients: dict[str, httpx.Client], role: str
):
    """A script that changes something answers 405 to GET; viewers may not even ask."""
    admin, client = clients["owner.superuser"], clients[role]
    changing = [url for url in files() if url.endswith(".dspy") and "/v1/" not in url
                and url not in OPEN_TO_ALL and admin.get(url).status_code == 405]  # fmt: skip
    open_to_operators = (
        "/pipeline_ops/api/",
        "/pipeline_dist/api/distributor_pipeline_",
        "/appbase/team_view_",
    )

    assert len(changing) >= 27
    for url in changing:
        if role == "owner.operator" and url.startswith(open_to_operators):
            continue
        if "logined" in roles_of(registered, url):
            continue  # asks for the right to what it changes itself
        answer = client.post(url, json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), url
