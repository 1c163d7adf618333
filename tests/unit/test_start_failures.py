"""What becomes of a generation whose roll fails, or of which nobody knows whether it did."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.cli import start
from app.runtime import control
from app.runtime.parent_client import ParentClient
from app.runtime.terminal import CommandError


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ParentClient:
    (tmp_path / "run").mkdir()
    root = tmp_path / "run/code/1"

    def take(*_: Any) -> Path:
        root.mkdir(parents=True)
        return root

    monkeypatch.setattr(start, "take_generation", take)
    for name in ("_prepare_data", "_check_port", "clear_metrics"):
        monkeypatch.setattr(start, name, lambda *_: None)
    return ParentClient(tmp_path)


@contextmanager
def parent(client: ParentClient, answer: dict[str, Any] | None) -> Iterator[None]:
    """A parent process that answers a roll so; with None it ends before it does."""
    listener = control.listen(client.workers.run_dir)
    listener.setblocking(True)

    def serve() -> None:
        plug, _ = listener.accept()
        with plug:
            plug.recv(1 << 16)
            if answer is not None:
                plug.sendall(json.dumps(answer).encode() + b"\n")

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    thread.join()
    listener.close()


@pytest.mark.parametrize(
    ("problem", "text"),
    [(None, "the workers that ran go on"), ("schema_not_current", "not ready: schema_not_current")],
)
def test_a_refused_reload_leaves_no_generation(
    client: ParentClient, monkeypatch: pytest.MonkeyPatch, problem: str | None, text: str
) -> None:
    monkeypatch.setattr(start, "running_settings", lambda config: config)
    monkeypatch.setattr(start, "readiness_problem", lambda _: problem)
    with (
        parent(client, {"failure": {"reason": "no port"}}),
        pytest.raises(CommandError, match=f"(?s)no port.*Nothing was replaced.*{text}"),
    ):
        start._reload(client, None)  # type: ignore[arg-type]
    assert not (client.var_dir / "run/code/1").exists()


def test_a_parent_that_ends_in_a_reload_may_leave_workers_of_the_generation(
    client: ParentClient,
) -> None:
    with parent(client, None), pytest.raises(CommandError, match="has ended"):
        start._reload(client, None)  # type: ignore[arg-type]
    assert (client.var_dir / "run/code/1").exists()


def test_a_start_that_fails_leaves_no_generation(
    client: ParentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ParentClient, "launch", lambda *_: None)
    with parent(client, {"failure": {"reason": "no port"}}), pytest.raises(CommandError):
        start._start_anew(client, None)  # type: ignore[arg-type]
    assert not (client.var_dir / "run/code/1").exists()
