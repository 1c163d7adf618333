"""
Attacks on the way from an address to a file (kernel B2, B3; AZ-6, PATH-1, PATH-2, STAT-1, STAT-5,
FR-1, FR-2, WS-1, UP-1).
"""

import json
from pathlib import Path

import httpx
import pytest

from app.access.paths import STATIC_TYPES
from tests.support.extra_worker import ExtraWorker
from tests.support.installation import Installation
from tests.support.raw_http import RawAnswer, get_raw, send_raw

LIST = "/pipeline_core/pipelines/get_pipelines.dspy"
INSIDE = "ran outside", "ran from above", "planted source", "outside", "databases", "password_key"


def cookie(client: httpx.Client) -> str:
    return f"Cookie: pipeline_session={client.cookies['pipeline_session']}"


# B2: one address of a file, and no right without a registration (AZ-6, PATH-1)


@pytest.mark.parametrize(
    "path",
    [
        LIST,
        f"/{LIST}",
        LIST.replace("/pipelines/", "//pipelines/"),
        LIST.replace("/pipelines/", "/./pipelines/"),
        f"{LIST}/",
        f"{LIST}/x.css",
        f"/bricks/..{LIST}",
        f"/bricks/%2e%2e{LIST}",
        f"/bricks/..%2f{LIST[1:]}",
        f"/bricks/%252e%252e{LIST}",
        f"/bricks\\..\\{LIST}",
        f"{LIST}%3fa.css",
        f"{LIST};a.css",
        f"{LIST}%00.css",
        f"{LIST}%20",
        f"{LIST}.",
        f"{LIST}%0a",
        f"/bricks{LIST}",
        f"/main{LIST}",
        f"/main/main{LIST}",
        "/login.ui/../index.ui",
        "/pipeline_dist/v1/../distributors/get_distributors.dspy",
        "/pipeline_dist/v1%2f..%2fdistributors/get_distributors.dspy",
        LIST.upper(),
        LIST.replace("pipelines.dspy", "pipelines.DSPY"),
        "/pipeline_core/pipelines/nothing_registered.ui",
    ],
)
def test_no_spelling_of_a_protected_path_is_open(server: Installation, path):
    answer = get_raw(server.base_url, path)

    assert answer.status in (400, 401, 403, 404), answer.body
    assert "rows" not in answer.body


def test_every_spelling_but_one_is_nothing_also_for_who_may(server: Installation, admin):
    assert get_raw(server.base_url, LIST, cookie(admin)).status == 200

    for path in (f"/{LIST}", f"{LIST}/", LIST.replace("/pipelines/", "//pipelines/"),
                 f"/x/..{LIST}", LIST.replace("pipelines", "%2fpipelines", 1)):  # fmt: skip
        assert get_raw(server.base_url, path, cookie(admin)).status in (403, 404), path
    # Letters may be written as escapes: it is the same address, with the same right.
    other_spelling = LIST.replace("get_", "%67et_")
    assert get_raw(server.base_url, other_spelling, cookie(admin)).status == 200
    assert get_raw(server.base_url, other_spelling).status == 401


def test_what_nobody_registered_is_refused_to_everybody(admin, probes: ExtraWorker):
    root = Path(json.loads(probes.config.read_text())["website"]["paths"][0][0])
    (root / "unregistered.dspy").write_text("return 'ran'\n")
    (root / "unregistered.html").write_text("shown\n")

    for name, status in (("unregistered.dspy", 403), ("unregistered.html", 403),
                          ("no_such_file.dspy", 404)):  # fmt: skip
        anonymous = get_raw(probes.base_url, f"/{name}")
        signed_in = get_raw(probes.base_url, f"/{name}", cookie(admin))

        assert (anonymous.status, signed_in.status) == (401, status)


def test_a_right_to_a_folder_is_none_to_the_file_behind_it(server: Installation):
    """The path is allowed only if the file that would really run is."""
    viewer = server.sign_in("viewer")

    assert viewer.get("/pipeline_core/pipelines").status_code == 200
    assert viewer.get("/pipeline_dist/distributors").status_code == 403
    assert viewer.get("/pipeline_dist/distributors/").status_code == 403


def test_operator_and_viewer_may_not_write_pipelines(server: Installation, pipeline):
    for name in ("operator", "viewer"):
        answer = server.sign_in(name).post(
            "/pipeline_core/api/pipelines_update.dspy",
            json={"id": pipeline["id"], "name": "Taken", "lock_version": 1},
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


# B3: no file but those to be served (PATH-2, STAT-1)


@pytest.mark.parametrize(
    "path",
    [
        "/../conf/config.json",
        "/..%2fconf/config.json",
        "/pipeline_core/../../conf/config.json",
        "/pipeline_core/pipeline_core/init.py",
        "/.gitignore",
        "/bricks/../../pipeline_app.py",
        "/bricks/.gitignore",
        "/pipeline_core/api/pipelines_create.dspy.bak",
        "/login.dspy%00.css",
        "/bricks/header.tmpl~",
        "/app/schema/tables.py",
        "/etc/passwd",
        "//etc/passwd",
        "/%2fetc/passwd",
    ],
)
def test_sources_and_files_outside_are_never_served(admin, server: Installation, path):
    answer = get_raw(server.base_url, path, cookie(admin))

    assert answer.status in (400, 403, 404, 405), answer.body
    assert not any(text in answer.body for text in (*INSIDE, "import", "root:"))


@pytest.mark.parametrize(
    "path",
    [
        "/probe/.hidden.json",
        "/probe/notes.py",
        "/probe/old.dspy.bak",
        "/probe/old.dspy~",
        "/probe/chat.ws",
        "/probe/shell.xterm",
        "/probe/page.md",
        "/probe/model.sql",
        "/probe/.git/config.txt",
        "/probe/link.json",
        "/probe/linked/outside.html",
        "/probe/linked/outside.dspy",
        "/probe/../../outside/outside.dspy",
        "/probe/..%2f..%2foutside/outside.html",
        "/probe/above.dspy",
        "/probe/private/above.dspy",
        "/probe/private/who.dspy",
        "/probe/folder/public.html",
        "/probe/folder/file.txt/",
        "/probe/no/such/file.html",
    ],
)
def test_only_listed_types_at_their_own_address_are_served(probes: ExtraWorker, path):
    """The whole folder is open to everybody here, so nothing but the host stands in between."""
    answer = get_raw(probes.base_url, path)

    assert answer.status == 404, answer.body
    assert json.loads(answer.body)["code"] == "not_found"
    assert not any(text in answer.body for text in INSIDE)


@pytest.mark.parametrize(
    "path",
    [
        "/probe",
        "/probe/",
        "/probe/folder",
        "/probe/folder/",
        "/bricks",
        "/bricks/dist/",
        "/probe/linked",
        "/pipeline_core/api",
    ],
)
def test_no_folder_is_listed(probes: ExtraWorker, admin, path):
    answer = get_raw(probes.base_url, path, cookie(admin))

    assert answer.status in (403, 404), answer.body
    assert "file.txt" not in answer.body
    assert ".dspy" not in answer.body


def test_what_is_to_be_served_is(probes: ExtraWorker):
    assert ".py" not in STATIC_TYPES
    assert get_raw(probes.base_url, "/probe/folder/file.txt").body == "plain text\n"
    assert "public page" in get_raw(probes.base_url, "/probe/public.html").body


@pytest.mark.parametrize("path", ["/whoami.dspy", "/probe/text.dspy", "/probe/values.dspy"])
def test_a_script_is_run_and_never_shown(probes: ExtraWorker, path):
    answer = get_raw(probes.base_url, path)

    assert answer.status == 200
    assert "return" not in answer.body


@pytest.mark.parametrize(
    "lines",
    [
        ("Range: bytes=0-99",),
        ("If-Range: x", "Range: bytes=5-1"),
        ("Accept-Encoding: br;q=1, gzip",),
        ("Range: bytes=-1",),
    ],
)
def test_odd_ranges_of_a_file_end_soon(probes: ExtraWorker, lines):
    answer = get_raw(probes.base_url, "/probe/folder/file.txt", *lines)

    assert answer.status in (200, 206, 416)


# FR-1, FR-2, WS-1, XT: processors of ahserver that are not offered


@pytest.mark.parametrize(
    "path",
    [
        "/idfile?path=../conf/config.json",
        "/idfile?path=//etc/hostname",
        "/idfilex?path=../conf/config.json",
        "/download?path=/etc/passwd",
    ],
)
def test_no_file_is_handed_out_by_name(probes: ExtraWorker, admin, path):
    answer = get_raw(probes.base_url, path, cookie(admin))

    assert answer.status in (403, 404)
    assert not any(text in answer.body for text in (*INSIDE, "root:"))


@pytest.mark.parametrize("host", ["x/idfile", "127.0.0.1/idfile", "127.0.0.1:80/idfile"])
def test_the_host_name_chooses_no_processor(probes: ExtraWorker, host):
    answer = get_raw(probes.base_url, "/probe/public.html?path=../../config.json", host=host)

    assert not any(text in answer.body for text in INSIDE)
    assert answer.status == 400 or "public page" in answer.body


@pytest.mark.parametrize("path", ["/probe/chat.ws", "/probe/shell.xterm", "/whoami.dspy", "/"])
def test_no_connection_is_taken_over(probes: ExtraWorker, path):
    answer = upgrade(probes.base_url, path)

    assert answer.status in (200, 302, 401, 404)
    assert "planted" not in answer.body


def upgrade(base_url: str, path: str) -> RawAnswer:
    return send_raw(
        base_url,
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n"
        "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )


# METH-1: methods


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_changes_answer_to_post_only(server: Installation, admin, pipeline, method):
    url = "/pipeline_core/api/pipelines_delete.dspy"

    answer = admin.request(method, url, params={"id": pipeline["id"]})

    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert server.query("select 1 from pipelines where code = 'victim'")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "X"])
def test_a_script_runs_by_three_methods_only(probes: ExtraWorker, method):
    answer = send_raw(
        probes.base_url,
        f"{method} /probe/counted.dspy?id=by-{method} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Connection: close\r\n\r\n",
    )

    assert answer.status in (400, 404, 405), answer.body
    assert "order placed" not in answer.body
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["server"] == "pipeline"


def test_a_file_cannot_be_posted_to(probes: ExtraWorker):
    answer = probes.client().post("/probe/folder/file.txt", data={"a": "b"})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("name", ["a" * 256, "%E4%B8%AD" * 86, "a" * 250 + "/" + "b" * 256])
def test_a_longer_name_than_files_have_is_nothing(server: Installation, admin, name):
    assert get_raw(server.base_url, f"/{name}").status == 401
    assert get_raw(server.base_url, f"/{name}", cookie(admin)).status == 404
    assert admin.get("/rights.dspy", params={"path": f"/{name}"}).status_code < 500
