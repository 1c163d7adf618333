"""
Takes away one remedy at a time, in a copy of the checkout, and shows that its attack succeeds.

    py3/bin/python tests/attack/switched_off.py              all of them (about 20 minutes)
    py3/bin/python tests/attack/switched_off.py own-user …   those named
    py3/bin/python tests/attack/switched_off.py --record     … and keep what was seen
    py3/bin/python tests/attack/switched_off.py --document   make docs/security-findings.md anew

Exit code 1 when a test did not notice that its remedy was gone. The checkout itself is not touched.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.remedies import (
    DOCUMENT,
    ROOT,
    Remedy,
    changed_texts,
    document,
    observations,
    remedies,
    write_observations,
)

_LEFT_OUT = {".git", "py3", "var", "node_modules", "__pycache__", ".hypothesis", ".mypy_cache",
             ".ruff_cache", ".pytest_cache"}  # fmt: skip
_MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")
_MAX_SECONDS = 300


@dataclass(frozen=True)
class Result:
    """What became of the tests of one remedy."""

    remedy: Remedy
    noticed: bool
    summary: str
    seconds: float


class Scratch:
    """A copy of the checkout with databases of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self._folder = folder
        self._var = folder / "var"
        shutil.copytree(ROOT, self.root, symlinks=True, ignore=_ignored)
        (self.root / "py3").symlink_to(ROOT / "py3")

    def attack(self, remedy: Remedy) -> Result:
        """Run the tests of *remedy* without it."""
        before = {path: path.read_text("utf-8") for path in changed_texts(remedy, self.root)}
        start = time.monotonic()
        for path, text in changed_texts(remedy, self.root).items():
            path.write_text(text, "utf-8")
        try:
            result = [self._outcome(test, remedy) for test in remedy.tests]
        finally:
            for path, text in before.items():
                path.write_text(text, "utf-8")
        missed = [test for test, text in zip(remedy.tests, result, strict=True) if text is None]
        report = f"NOT NOTICED by {', '.join(missed)}" if missed else str(result[0])
        return Result(remedy, not missed, report, time.monotonic() - start)

    def _outcome(self, test: str, remedy: Remedy) -> str | None:
        """How *test* failed, in a line; None when it passed, or could not even begin."""
        var = self._folder / "var-fresh" if remedy.fresh else self._var
        paths = [self.root, *(self.root / module for module in _MODULES)]
        env = os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIPELINE_TEST_VAR": str(var),
        }
        process = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider",
             "--maxfail=8", f"--basetemp={self._folder / 'tmp'}", f"--timeout={_MAX_SECONDS}",
             test],
            cwd=self.root, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if remedy.fresh:
            shutil.rmtree(var, ignore_errors=True)
        if re.search(r"^ERROR ", process.stdout, re.MULTILINE) and "FAILED" not in process.stdout:
            # What an earlier attack left behind may be in the way; the next ones begin anew.
            self._var = Path(tempfile.mkdtemp(dir=self._folder))
            return None
        if process.returncode != 1 or not re.search(r"^FAILED ", process.stdout, re.MULTILINE):
            return None
        return _reason(process.stdout)


def _reason(output: str) -> str:
    """What was wrong in the first failures, shortened, without what differs from run to run."""
    reasons = re.findall(r"^>.*\n(?:(?!E|>).*\n)*E\s+(.+)$", output, re.MULTILINE)
    result = list(dict.fromkeys(_plain(line) for line in reasons)) or ["failed"]
    text = " · ".join(result[:3])
    return text if len(text) <= 200 else f"{text[:197]}…"


def _plain(line: str) -> str:
    line = line.removeprefix("AssertionError: ")
    problem = re.match(r'\{"type":.*?"status":(\d+),.*?"code":"(\w+)"', line)
    if problem:
        return f"answered {problem[1]} {problem[2]}"
    line = re.sub(r"0x[0-9a-f]+|/tmp/\S+|request_id\W+\w+", "…", line)
    # Ids, digests and cookies of that run.
    line = re.sub(r"(?=[\w-]*\d)[\w-]{16,}", "…", line)
    return line if len(line) <= 110 else f"{line[:107]}…"


def _ignored(folder: str, names: Sequence[str]) -> set[str]:
    return {name for name in names if name in _LEFT_OUT}


def _selection(ids: Sequence[str]) -> list[Remedy]:
    by_id = {remedy.id: remedy for remedy in remedies()}
    if unknown := [name for name in ids if name not in by_id]:
        sys.exit(f"There is no remedy {', '.join(unknown)}. Known: {', '.join(by_id)}")
    return [by_id[name] for name in ids] if ids else list(by_id.values())


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("ids", nargs="*", metavar="id", help="remedies to take away; default all")
    parser.add_argument("--record", action="store_true", help="keep what was seen, for the docs")
    parser.add_argument("--document", action="store_true", help="make docs/security-findings.md")
    arguments = parser.parse_args()
    if not arguments.document:
        missed = _attack_all(_selection(arguments.ids), record=arguments.record)
        if missed:
            print(f"\n{len(missed)} not noticed: {', '.join(missed)}")
            return 1
    if arguments.document or arguments.record:
        DOCUMENT.write_text(document(), "utf-8")
    return 0


def _attack_all(selection: list[Remedy], *, record: bool) -> list[str]:
    missed = []
    with tempfile.TemporaryDirectory(prefix="switched-off-") as folder:
        scratch = Scratch(Path(folder))
        for remedy in selection:
            if not remedy.changes:
                print(f"{remedy.id:28} -      {remedy.cannot}", flush=True)
                continue
            result = scratch.attack(remedy)
            mark = "fails" if result.noticed else "PASSES"
            print(f"{remedy.id:28} {mark:6} {result.seconds:4.0f} s  {result.summary}", flush=True)
            if not result.noticed:
                missed.append(remedy.id)
            elif record:
                write_observations({**observations(), remedy.id: result.summary})
    return missed


if __name__ == "__main__":
    sys.exit(main())
