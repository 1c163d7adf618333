"""The modules' path scripts, run in one process: what one does ends with it."""

from pathlib import Path

import pytest

from app.cli import load_paths
from app.runtime.terminal import CommandError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(load_paths, "ROOT", tmp_path)
    return tmp_path


def run(root: Path, text: str) -> str:
    script = root / "load_path.py"
    script.write_text(text, "utf-8")
    return load_paths._run(script)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys; print('before'); sys.exit(1)", "before"),
        ("import sys; sys.exit('no such role')", "no such role"),
        ("print('before'); raise ValueError('broken')", "ValueError: broken"),
        ("def open(:", "SyntaxError"),
        ("for n in range(10000): print('x' * 100)\nraise SystemExit('last')", "last"),
    ],
)
def test_a_script_that_fails_is_told(root: Path, text: str, reason: str) -> None:
    with pytest.raises(CommandError, match=r"load_path\.py failed") as caught:
        run(root, text)

    assert reason in str(caught.value)
    assert len(str(caught.value).splitlines()) < 30


def test_a_script_leaves_the_folder_and_the_output_as_they_were(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path.cwd()

    report = run(root, "import os; os.chdir('/'); print('done'); raise SystemExit(0)")

    assert (report, Path.cwd()) == ("done", before)
    assert capsys.readouterr().out == ""
    with pytest.raises(CommandError):
        run(root, "import os; os.chdir('/'); raise ValueError")
    assert Path.cwd() == before
