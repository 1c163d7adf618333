"""What modules bring is brought together all at once, or not at all and by name."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from app import modules
from app.base.contributions import Contributions, NameTaken
from app.base.settings import Options
from app.manage import commands
from app.web.module import Module, connect
from pipeline_core import init as core
from pipeline_core.definition.functions import STEP_FUNCTIONS
from pipeline_dist import init as dist
from pipeline_ops import init as ops

ALL = (core.MODULE, ops.MODULE, dist.MODULE)


@dataclass(frozen=True)
class Fact:
    name: str


@dataclass(frozen=True)
class Part:
    name: str


def module(name: str, **more: Any) -> Module:
    return Module(name=name, endpoints={}, **more)


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    # No database is named where only the functions are looked at.
    monkeypatch.setattr(core, "settings", lambda: SimpleNamespace(options=Options()))


def test_a_lower_module_gets_what_others_say_in_their_order() -> None:
    facts, parts = Contributions(Fact, lambda fact: fact.name), Contributions(Part)
    lower = module("lower", accepts=(facts, parts), contributions=(Fact("own"),))
    upper = module("upper", contributions=(Part("p"), Fact("b"), Fact("a")))

    connect([lower, upper])
    connect([lower, upper])

    assert list(facts) == [Fact("own"), Fact("b"), Fact("a")]
    assert parts.get("upper") == Part("p")
    assert facts.get("c") is None


@pytest.mark.parametrize(
    ("more", "names"),
    [
        pytest.param((Fact("a"),), "left Fact a", id="one name twice"),
        pytest.param((Part("p"), Part("q")), "upper Part upper", id="one for each module"),
    ],
)
def test_a_clash_is_told_by_name_and_nothing_is_connected(
    more: tuple[object, ...], names: str
) -> None:
    facts, parts = Contributions(Fact, lambda fact: fact.name), Contributions(Part)
    lower = module("lower", accepts=(facts, parts))
    one_side = module("left", contributions=(Fact("a"),))

    with pytest.raises(NameTaken) as caught:
        connect([lower, one_side, module("upper", contributions=more)])

    assert all(word in str(caught.value) for word in ["upper", *names.split()])
    assert [*facts, *parts] == []


def test_what_nobody_accepts_is_told() -> None:
    with pytest.raises(LookupError, match="Part of upper"):
        connect([module("upper", contributions=(Part("p"),))])


def test_a_name_of_the_host_keeps_all_modules_out(
    monkeypatch: pytest.MonkeyPatch, no_settings: None
) -> None:
    env: dict[str, Any] = {"pipeline_dist_v1_me": "taken"}

    with pytest.raises(NameTaken, match="pipeline_dist cannot register pipeline_dist_v1_me"):
        modules.load_modules(env)

    assert env == {"pipeline_dist_v1_me": "taken"}


def test_all_modules_load_together_and_again(no_settings: None) -> None:
    env: dict[str, Any] = {}

    modules.load_modules(env)
    modules.load_modules(env)

    assert set(env) == {f"{one.name}_{name}" for one in ALL for name in one.endpoints}


def test_two_modules_cannot_have_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "MODULE", replace(dist.MODULE, commands=ops.MODULE.commands))

    with pytest.raises(NameTaken, match="pipeline_dist and pipeline_ops both have Command check"):
        commands()


def test_commands_of_modules_are_connected_without_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command's help, and a replay against a service elsewhere, need no database here."""

    def refuse() -> None:
        raise AssertionError("the settings were read")

    monkeypatch.setattr(core, "settings", refuse)

    modules.connect_modules()


def test_a_step_function_may_stand_twice_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(step_functions=("tools.a", "tools.b", "tools.a"))
    monkeypatch.setattr(core, "settings", lambda: SimpleNamespace(options=options))

    modules.load_modules({})

    assert [function.name for function in STEP_FUNCTIONS] == ["tools.a", "tools.b"]
