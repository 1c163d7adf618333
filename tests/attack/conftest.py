"""What the attacks aim at: a pipeline that must stay, and a host with scripts of others."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.extra_worker import ExtraWorker, copy_of_the_pages, extra_worker
from tests.support.installation import Installation
from tests.support.sage_users import permit

PROBES = Path(__file__).parent / "probes"


@pytest.fixture(scope="module")
def pipeline(admin: httpx.Client) -> dict[str, object]:
    """A pipeline that the attacks must leave alone."""
    answer = admin.post(
        "/pipeline_core/api/pipelines_create.dspy", json={"code": "victim", "name": "Victim"}
    )
    assert answer.status_code == 200, answer.text
    record: dict[str, object] = answer.json()["data"]
    return record


@pytest.fixture(scope="module")
def probes(server: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExtraWorker]:
    """
    A worker whose web root also has the scripts and files of `probes/` under `/probe/`.

    They are written as scripts of the ecosystem are, with what ahserver and sqlor offer: what the
    host promises must hold for them too, not only for our own doorways. In this repository they
    are called `.script`, since they are no example of how our own `.dspy` files are written.
    """
    folder = tmp_path_factory.mktemp("probes")
    root = copy_of_the_pages(folder / "wwwroot")
    shutil.copytree(PROBES, root / "probe")
    for script in sorted((root / "probe").rglob("*.script")):
        script.rename(script.with_suffix(".dspy"))
    plant_files(root)
    permit(server, "/probe/**", "any")
    with extra_worker(
        server, folder, web_root=root, pool_size=4, pool_wait_seconds=1,
        trusted_proxies=["127.0.0.2/32"], body_seconds=2,
    ) as worker:  # fmt: skip
        yield worker


def plant_files(root: Path) -> None:
    """What lies about in real web roots and must not be served."""
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "outside.dspy").write_text("return 'ran outside'\n")
    (outside / "outside.html").write_text("<html>outside</html>\n")
    (root / "above.dspy").write_text("return 'ran from above'\n")
    for name in (".hidden.json", "notes.py", "old.dspy.bak", "old.dspy~", "chat.ws", "shell.xterm",
                 "page.md", "model.sql", ".git/config.txt"):  # fmt: skip
        file = root / "probe" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("planted source\n")
    (root / "probe" / "public.html").write_text("<!doctype html><p>public page</p>\n")
    (root / "probe" / "folder").mkdir()
    (root / "probe" / "folder" / "file.txt").write_text("plain text\n")
    (root / "probe" / "link.json").symlink_to(root.parent / "config.json")
    (root / "probe" / "linked").symlink_to(outside)
