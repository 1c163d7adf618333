"""One more worker on the databases of an installation, with settings and pages of its own."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from app.base.settings import ROOT
from app.runtime import processes
from tests.support.installation import DIRECT, Installation, write_config
from tests.support.ports import free_port


class ExtraWorker:
    """A worker process and the address it answers at."""

    def __init__(
        self, base_url: str, process: "subprocess.Popen[bytes]", config: Path, log: Path
    ) -> None:
        self.base_url = base_url
        self.process = process
        self.config = config
        self._log = log
        self._clients: list[httpx.Client] = []

    @property
    def log(self) -> str:
        """Everything it wrote."""
        return self._log.read_text("utf-8", "replace")

    @property
    def resident_bytes(self) -> int:
        """The memory it occupies now."""
        return resident_bytes(self.process.pid)

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client; closed with the worker."""
        client = httpx.Client(base_url=self.base_url, timeout=30, **DIRECT, **options)
        self._clients.append(client)
        return client

    def close(self) -> None:
        """End the worker and its clients."""
        for client in self._clients:
            client.close()
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            # Nobody else knows of it: it would stay for ever, and keep others from starting.
            self.process.kill()
            raise


@contextmanager
def extra_worker(
    installation: Installation,
    folder: Path,
    *,
    web_root: Path | None = None,
    host: str = "127.0.0.1",
    **options: Any,
) -> Iterator[ExtraWorker]:
    """
    A worker that keeps its configuration and log in *folder*.

    *options* go into the section `pipeline` of the configuration; *web_root* replaces the host's
    own pages (those of the modules stay); *host* is what it listens on.
    """
    config = write_config(folder, web_root=web_root, **options)
    port, log = free_port(), folder / "worker.log"
    env = {"PIPELINE_CONF": str(config), "PIPELINE_PORT": str(port),
           "PIPELINE_HOST": host}  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app/pipeline_app.py")], cwd=ROOT, stdout=out, stderr=out,
            env=installation.env | env,
        )  # fmt: skip
    worker = ExtraWorker(f"http://127.0.0.1:{port}", process, config, log)
    try:
        assert processes.wait_until(lambda: _answers(worker), 30), worker.log[-4000:]
        yield worker
    finally:
        worker.close()


def copy_of_the_pages(target: Path) -> Path:
    """The host's own pages in *target*, for a web root with more in it."""
    shutil.copytree(ROOT / "app/wwwroot", target, symlinks=True, ignore=_links)
    return target


def resident_bytes(pid: int) -> int:
    """The memory that process *pid* occupies now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no VmRSS for {pid}")


def _links(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_symlink()]


def _answers(worker: ExtraWorker) -> bool:
    assert worker.process.poll() is None, worker.log[-4000:]
    try:
        return httpx.get(f"{worker.base_url}/healthz", **DIRECT).status_code == 200
    except httpx.TransportError:
        return False
