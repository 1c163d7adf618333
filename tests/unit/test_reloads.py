"""HUP while a reload runs: what it is for is not lost."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from app.runtime.parent import ParentProgram

RELOAD = """
echo began >> "$PIPELINE_VAR/reloads"
while [[ ! -e $PIPELINE_VAR/go ]]; do sleep 0.02; done
"""


async def test_a_reload_that_is_asked_for_while_one_runs_follows_it_once(tmp_path: Path) -> None:
    (tmp_path / "start.sh").write_text(RELOAD)
    program: Any = ParentProgram(tmp_path)
    program.home = tmp_path
    program.supervisor.plan = SimpleNamespace(env={})
    reloads = tmp_path / "reloads"

    program._reload_all()
    while not reloads.exists():
        await asyncio.sleep(0.01)
    for _ in range(3):
        program._reload_all()
    (tmp_path / "go").touch()
    await asyncio.wait_for(program._reloads, 30)

    assert reloads.read_text().splitlines() == ["began"] * 2
