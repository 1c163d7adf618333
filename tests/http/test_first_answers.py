"""What a worker has imported when it has answered: nothing that nobody has asked it for."""

import os
import re
from collections.abc import Iterator

import pytest

from tests.support.installation import Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller

# Packages and modules of ours that are needed by a few requests, or by none.
RARELY_USED = {
    "aiohttp_cors",
    "aiohttp_socks",
    "aiopg",
    "appPublic.sshx",
    "asyncssh",
    "charset_normalizer",
    "openpyxl",
    "pipeline_core.transfer.yaml_text",
    "pipeline_dist.api.docs_page",
    "pipeline_dist.api.openapi.document",
    "psycopg2",
    "pycares",
    "redis",
    "requests",
    "rsa",
    "ruamel.yaml",
    "urllib3",
    "zmq",
}


@pytest.fixture(scope="module")
def worker(database: Installation) -> Iterator[Installation]:
    """One worker that writes into its log what it imports."""
    database.stop()
    database.extra_env["PYTHONPROFILEIMPORTTIME"] = "1"
    try:
        database.start(workers=1)
        yield database
    finally:
        database.stop()
        del database.extra_env["PYTHONPROFILEIMPORTTIME"]


@pytest.fixture(scope="module")
def seller(worker: Installation) -> Reseller:
    """A distributor who may call one pipeline."""
    return make_reseller(worker, make_pipeline(worker.admin, code="late"))


def imports(worker: Installation) -> set[str]:
    """
    Everything that the worker has imported since it started, by its whole name.

    Python does not write the one module that `import_module` is called for, only what that imports:
    so a package counts when one of its modules does.
    """
    names = re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", worker.logs(), re.MULTILINE)
    return {".".join(parts[: n + 1]) for parts in (x.split(".") for x in names) for n in range(9)}


def test_health_and_a_call_need_no_rarely_used_module(
    worker: Installation, seller: Reseller
) -> None:
    worker.workers.stop()
    os.truncate(worker.workers.log_file(1), 0)
    worker.start(workers=1)

    assert worker.anonymous().get("/healthz").status_code == 200
    assert seller.begin({"code": "late"}).status_code == 201
    assert {"ahserver.processorResource", "app.server.application"} <= imports(worker)
    assert imports(worker) & RARELY_USED == set()


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("/pipeline_core/pipelines/get_pipelines.dspy?_export=xlsx", "openpyxl"),
        ("/pipeline_core/api/pipeline_export.dspy?format=yaml&pipeline_id={id}", "ruamel.yaml"),
        ("/pipeline_dist/v1/openapi.json", "pipeline_dist.api.openapi.document"),
        ("/pipeline_dist/v1/docs", "pipeline_dist.api.docs_page"),
    ],
)
def test_what_is_asked_for_is_imported_then(
    worker: Installation, seller: Reseller, path: str, module: str
) -> None:
    [row] = worker.query("select id from pipelines where code = 'late'")

    answer = worker.admin.get(path.format(**row))

    assert answer.status_code == 200, answer.text
    assert module in imports(worker)
