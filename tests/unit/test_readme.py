"""The two READMEs say what the code does."""

import json
import re
from dataclasses import fields

import pytest

from app.base.settings import ROOT, Options
from app.manage import commands

READMES = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md")}


def shown_default(value: object) -> str:
    """A default as it stands in conf/config.json."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("option", fields(Options), ids=lambda option: option.name)
def test_every_option_is_documented_with_its_default(readme: str, option: object) -> None:
    name, default = option.name, option.default  # type: ignore[attr-defined]

    assert f"| `{name}` | {shown_default(default)} | " in READMES[readme]


@pytest.mark.parametrize("option", fields(Options), ids=lambda option: option.name)
def test_the_english_meaning_is_the_codes_own(option: object) -> None:
    assert f"| {option.metadata['help']} |" in READMES["README.md"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("readme", READMES)
def test_every_command_is_documented(readme: str) -> None:
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", READMES[readme], re.MULTILINE))

    assert set(commands()) <= documented


@pytest.mark.parametrize("readme", READMES)
def test_every_environment_variable_is_documented(readme: str) -> None:
    files = [*(ROOT / "app").glob("**/*.py"), ROOT / "build.sh", ROOT / "app/shell_common.sh"]
    text = "\n".join(path.read_text("utf-8") for path in files)
    variables = set(re.findall(r"\b(?:PIPELINE_[A-Z_]+|SAGE_RBAC_DB)\b", text))

    assert {name for name in variables if f"`{name}`" not in READMES[readme]} == set()


@pytest.mark.parametrize("readme", READMES)
def test_the_two_commands_come_first(readme: str) -> None:
    lines = READMES[readme].splitlines()

    assert lines[3].startswith("bash start.sh --demo")
    assert lines[4].startswith("bash tests/run.sh")


def test_both_readmes_have_the_same_commands_in_the_same_order() -> None:
    blocks = [re.findall(r"```(?:sh|sql)\n(.*?)```", text, re.DOTALL) for text in READMES.values()]
    stripped = [[re.sub(r"\s+(?:#|--) .*", "", block) for block in group] for group in blocks]

    assert stripped[0] == stripped[1]
