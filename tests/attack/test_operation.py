"""
Attacks on how the application is run (kernel D6, D6b to D6d, D7, D8, D9, C9; LOG-1 to LOG-7,
OPS-1, CFG-3, MEM-1, DEP-1).
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx

from app.base.settings import ROOT
from app.runtime import processes
from tests.support.extra_worker import ExtraWorker, extra_worker
from tests.support.installation import DIRECT, PASSWORDS, Installation
from tests.support.watching import LoopStoodStill, nobody_waits

LIST = "/pipeline_core/pipelines/get_pipelines.dspy"


# D6c: the log (LOG-1 to LOG-7)


def test_every_line_of_the_log_is_json_and_none_has_sql_or_values(
    server: Installation, admin, pipeline, probes: ExtraWorker
):
    mark = "a-value-that-is-nobodys-business"
    like = {"field": "name", "op": "LIKE", "const": mark}
    before = Counter(server.logs().split("\n"))

    admin.get(LIST, params={"name": mark, "sort": "name"})
    admin.post("/pipeline_core/api/pipelines_create.dspy", json={"code": "logged", "name": mark})
    admin.get(LIST, params={"data_filter": json.dumps(like)})
    probes.client().get("/probe/sql.dspy", params={"sql": f"select no_such_column, '{mark}'"})
    probes.client().get("/probe/filtered.dspy", params={"sort": "fails"})
    probes.client().get("/probe/logging.dspy", params={"text": mark})

    lines = [*(Counter(server.logs().split("\n")) - before), *probes.log.split("\n")]
    lines = [text for text in lines if text]

    assert lines
    for text in lines:
        value = json.loads(text)  # upstream's logger writes half-lines of its own in between
        assert value["level"] in ("INFO", "WARNING", "ERROR"), text
        assert "select" not in value["message"].lower()
    # What a failed statement said stands with its fault, and nowhere else.
    assert not any(mark in text for text in lines if json.loads(text)["level"] != "ERROR")


def test_a_trivial_request_writes_its_one_line_and_no_more(server: Installation):
    client = server.anonymous()
    client.get("/whoami.dspy")
    mark = f"trivial-{time.monotonic_ns()}"  # another one when the test is tried again
    before = Counter(server.logs().split("\n"))

    for number in range(30):
        client.get("/whoami.dspy", headers={"X-Request-Id": f"{mark}-{number}"})

    def requests() -> list[dict[str, object]]:
        new_lines = Counter(server.logs().split("\n")) - before
        return [json.loads(text) for text in new_lines if text]

    assert processes.wait_until(lambda: f"{mark}-29" in str(requests()), 30)
    assert [entry for entry in requests() if entry["action"] != "request"] == []
    assert sum(f"{mark}-" in str(entry["request_id"]) for entry in requests()) == 30


# D6, D6b: start and stop (OPS-1)


def test_a_second_copy_for_another_folder_takes_no_request(server: Installation, tmp_path: Path):
    """OPS-1: with SO_REUSEPORT a forgotten copy took half of the requests, and nobody noticed."""
    admin = server.mariadb.connection()
    assert admin is not None
    other = json.loads((ROOT / "conf/config.json").read_text("utf-8"))
    other["databases"]["pipeline"]["kwargs"] = {
        "host": admin.host, "port": admin.port, "user": admin.user, "password": admin.password,
        "db": "pipeline",
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(other))
    env = {"PIPELINE_VAR": str(tmp_path / "var"), "PIPELINE_CONF": str(tmp_path / "config.json")}
    env |= {"PIPELINE_PORT": str(server.port)}

    process = server.command("-m", "app.cli.service", "start", check=False, env=env)

    assert process.returncode != 0
    assert str(server.port) in process.stdout + process.stderr


def test_a_module_that_fails_to_load_stops_the_start_with_its_reason(server: Installation):
    broken = (
        "import sys; sys.argv = ['app/pipeline_app.py']; sys.path.insert(0, '.');"
        "import pipeline_ops.init as module;"
        "module.load_pipeline_ops = lambda env: 1 / 0;"
        "import runpy; runpy.run_path('app/pipeline_app.py', run_name='__main__')"
    )
    env = server.env | {"PIPELINE_PORT": str(processes.free_port())}

    process = subprocess.run([sys.executable, "-c", broken], cwd=ROOT, env=env, text=True,
                          capture_output=True, timeout=120, check=False)  # fmt: skip

    assert process.returncode != 0
    assert "ZeroDivisionError" in process.stderr


def test_a_module_that_asks_for_the_pool_while_it_loads_gets_ours(server: Installation):
    """CFG-3: that froze sqlor's pool with no databases in it."""
    early = (
        "import sys; sys.argv = ['app/pipeline_app.py']; sys.path.insert(0, '.');"
        "import pipeline_ops.init as module; load = module.load_pipeline_ops;"
        "from sqlor.dbpools import DBPools; DBPools();"
        "module.load_pipeline_ops = lambda env: (DBPools(), load(env))[1];"
        "import runpy; runpy.run_path('app/pipeline_app.py', run_name='__main__')"
    )
    port = processes.free_port()
    worker = subprocess.Popen([sys.executable, "-c", early], cwd=ROOT, stderr=subprocess.DEVNULL,
                              env=server.env | {"PIPELINE_PORT": str(port)})  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        assert processes.wait_until(lambda: is_up(url), 60)
        credentials = {"username": "viewer", "password": PASSWORDS["viewer"]}
        answer = httpx.post(f"{url}/login.dspy", json=credentials, **DIRECT)
        assert answer.status_code == 200, answer.text
    finally:
        worker.terminate()
        worker.wait(40)


def is_up(url: str) -> bool:
    """Whether a worker answers there."""
    try:
        return httpx.get(f"{url}/healthz", **DIRECT).status_code == 200
    except httpx.TransportError:
        return False


def is_held(server: Installation) -> bool:
    """Whether the script is at work that holds a connection."""
    sleeping = "select 1 from information_schema.processlist where state = 'User sleep'"
    return server.query(sleeping) != []


def test_sigterm_lets_running_requests_finish(server: Installation, tmp_path: Path, probes):
    client = probes.client()
    answers: list[httpx.Response] = []
    with extra_worker(server, tmp_path, web_root=probes.config.parent / "wwwroot") as worker:
        slow = worker.client()
        asking = threading.Thread(
            target=lambda: answers.append(slow.get("/probe/held.dspy?seconds=1.5"))
        )
        asking.start()
        assert processes.wait_until(lambda: is_held(server), 60, pause=0.02)
        os.kill(worker.process.pid, signal.SIGTERM)
        assert processes.wait_until(lambda: not is_up(worker.base_url), 60, pause=0.02)
        asking.join()
        assert worker.process.wait(60) == 0

    assert answers[0].text == "done"
    assert client.get("/whoami.dspy").status_code == 200


# D1: scripts are compiled once


# A constant is made when a script is compiled: one object, if that was once.
CONSTANTS = """
import sys
kept = sys.__dict__.setdefault('constants_of_a_probe', [])
kept.append((VERSION, 'a constant'))
return [VERSION, len({id(made) for made in kept if made[0] == VERSION})]
"""


def test_a_script_is_compiled_once_and_anew_when_it_changes(probes: ExtraWorker):
    root = Path(json.loads(probes.config.read_text())["website"]["paths"][0][0])
    file, client = root / "probe" / "versions.dspy", probes.client()

    def numbers() -> list[int]:
        body: list[int] = client.get("/probe/versions.dspy").json()
        return body

    file.write_text(CONSTANTS.replace("VERSION", "1"))
    assert [numbers() for _ in range(5)] == [[1, 1]] * 5
    file.write_text(CONSTANTS.replace("VERSION", "2"))
    assert processes.wait_until(lambda: numbers()[0] == 2, 30)
    assert numbers() == [2, 1]


# D6: nobody waits for a blocking call


def test_a_blocking_call_is_told_and_none_of_ours_blocks(
    server: Installation, admin, pipeline, probes: ExtraWorker
):
    """tests/http/conftest.py holds every test over HTTP to the same."""
    with nobody_waits(server.var_dir):
        for _ in range(3):
            for url in (LIST, "/index.ui", "/pipeline_core/pipelines", "/login.ui"):
                admin.get(url, headers={"Accept": "text/html"})
        time.sleep(0.2)

    client = probes.client()
    client.get("/probe/blocking.dspy", params={"seconds": "0.02"})
    if "loop_blocked" in probes.log:
        raise LoopStoodStill("a pause of the machine, or a block of 20 ms is told")
    client.get("/probe/blocking.dspy", params={"seconds": "1"})
    assert processes.wait_until(lambda: "loop_blocked" in probes.log, 30)


# D7: names that scripts use


def test_names_of_modules_are_their_own(server: Installation, admin, probes: ExtraWorker):
    """initEnv() overwrites some 220 names; what is ours comes after it, and clashes are refused."""
    hostile = {"data_filter": json.dumps({"field": "${1}$", "op": "=", "const": 1})}

    assert probes.client().get("/probe/filtered.dspy", params=hostile).status_code == 400

    clash = (
        "from ahserver.serverenv import ServerEnv\n"
        "from app.base.contributions import NameTaken\n"
        "from app.web.module import register\n"
        "env = ServerEnv(); env.pipeline_core_x = 1\n"
        "try: register(env, {'y': print, 'x': print}, owner='pipeline_core')\n"
        "except NameTaken as e: print('refused', e, env.get('pipeline_core_y'))\n"
    )
    assert "refused pipeline_core cannot register pipeline_core_x: taken None" in (
        server.command("-c", clash).stdout
    )


# C9: the password in the configuration


def test_a_sealed_password_opens_the_database_and_a_wrong_key_is_told(
    server: Installation, tmp_path: Path
):
    from appPublic.aes import aes_encode_b64

    place = server.mariadb.connection()
    assert place is not None
    config = json.loads((ROOT / "conf/config.json").read_text("utf-8"))
    config["databases"]["pipeline"]["kwargs"] = {
        "host": place.host, "port": place.port, "user": place.user, "db": "pipeline",
        "password": aes_encode_b64("key-of-16-bytes!", place.password),
    }  # fmt: skip
    file, outcomes = tmp_path / "config.json", {}
    for key in ("key-of-16-bytes!", "another-16-bytes"):
        file.write_text(json.dumps(config | {"password_key": key}))
        process = server.command(
            "app/manage.py", "migrate", check=False, env={"PIPELINE_CONF": str(file)}
        )
        outcomes[key] = (process.returncode, process.stdout + process.stderr)

    assert outcomes["key-of-16-bytes!"][0] == 0, outcomes
    code, text = outcomes["another-16-bytes"]
    assert code != 0
    assert place.password not in text
    assert "Traceback" not in text
    assert "password" in text


# D8, DEP-1: what it runs on


def test_posts_are_served_by_a_current_aiohttp(server: Installation):
    locked = (ROOT / "requirements.lock").read_text("utf-8")
    version = locked.partition("aiohttp==")[2].split()[0]

    answer = server.anonymous().post(
        "/login.dspy", json={"username": "viewer", "password": PASSWORDS["viewer"]}
    )

    assert answer.status_code == 200
    assert tuple(map(int, version.split("."))) >= (3, 13, 4)


# D3: nothing of ahserver's that is not asked for


def test_no_processor_of_ahserver_is_registered(probes: ExtraWorker):
    config = json.loads((ROOT / "conf/config.json").read_text("utf-8"))

    assert {name for _, name in config["website"]["processors"]} == {
        "pipeline_dspy", "pipeline_ui", "pipeline_tmpl"
    }  # fmt: skip
    assert "startswiths" not in config["website"]
