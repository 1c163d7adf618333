"""docs/security.md names what there is: tests, commands, endpoints, numbers."""

import re
from datetime import timedelta

import pytest

from app.access.known_browsers import LIFE
from app.access.lockout import FIRST_WAIT, FORGOTTEN_AFTER, LIMITS
from app.base.settings import ROOT, Options
from app.cli.rotate_secret import _ROTATIONS
from app.endpoints.login import REFUSAL_SECONDS
from app.manage import commands

ENGLISH = (ROOT / "docs/security.md").read_text("utf-8")
CHINESE = (ROOT / "docs/security.zh-CN.md").read_text("utf-8")


def test_every_test_that_is_named_is_there():
    paths = set(re.findall(r"`(tests/[\w/]+\.py)`", ENGLISH))

    assert len(paths) > 20
    assert sorted(path for path in paths if not (ROOT / path).is_file()) == []


def test_every_attack_is_named():
    files = {path.name for path in (ROOT / "tests/attack").glob("test_*.py")}
    names = set(re.findall(r"tests/attack/(test_\w+\.py)", ENGLISH))

    assert files - names == set()


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_command_is_one(text: str):
    names = set(re.findall(r"manage\.py ([a-z-]+)", text))

    assert names <= set(commands())
    assert set(re.findall(r"rotate-secret (\w+)", text)) == set(_ROTATIONS)


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_endpoint_is_a_file(text: str):
    scripts = {path.name for path in ROOT.glob("pipeline_*/wwwroot/api/*.dspy")}
    endpoints = set(re.findall(r"\b((?:distributor|pipeline_usage)_\w+_(?:key|delete))\b", text))

    assert endpoints
    assert {f"{name}.dspy" for name in endpoints} <= scripts


@pytest.mark.parametrize(
    ("text", "names", "minutes"),
    [(ENGLISH, ("user", "known browser", "address"), "min"),
     (CHINESE, ("用户", "用过的浏览器", "地址"), "分钟")],
    ids=["en", "zh"],
)  # fmt: skip
def test_the_numbers_of_the_login_are_the_codes(text: str, names: tuple[str, ...], minutes: str):
    rows = dict(zip(names, (LIMITS[kind] for kind in ("user", "browser", "address")), strict=True))

    for name, limit in rows.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        assert f"| {limit.free} |" in row
        assert str(int(FIRST_WAIT.total_seconds())) in row
        assert f"| {limit.longest // timedelta(minutes=1)} {minutes} |" in row


def test_the_times_are_the_codes():
    assert (Options.remembered_seconds, REFUSAL_SECONDS, LIFE.days) == (5, 0.3, 180)
    assert timedelta(hours=1) == FORGOTTEN_AFTER
    assert (Options.session_hours, Options.session_idle_minutes) == (12, 120)
    for sentence in ("within 5 s", "0.3 s", "180 days", "12 h, or 2 h without use", "after 1 h"):
        assert sentence in ENGLISH
