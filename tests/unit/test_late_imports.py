"""Packages of the ecosystem that are imported at their first use."""

import sys
from types import ModuleType

import pytest

from app.base.late_imports import LateModule, LateName, represented

# Of the standard library, and hardly ever imported by anybody.
RARE = "quopri"


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A representative that something has bound while its module was represented."""
    monkeypatch.delitem(sys.modules, RARE, raising=False)
    with represented((RARE, "sched")):
        import quopri
    return quopri


def test_binding_a_name_imports_nothing(late: ModuleType) -> None:
    assert isinstance(late, LateModule)
    assert isinstance(late.encodestring, LateName)
    assert RARE not in sys.modules


def test_calling_a_name_imports_the_real_one(late: ModuleType) -> None:
    encode = late.encodestring

    assert encode(b"a=b") == b"a=3Db"
    assert not isinstance(sys.modules[RARE], LateModule)


def test_a_part_of_a_name_is_that_of_the_real_one(late: ModuleType) -> None:
    assert late.encodestring.__code__.co_varnames[0] == "s"


def test_whoever_imports_it_afterwards_gets_the_real_one(late: ModuleType) -> None:
    import quopri

    assert quopri is not late
    assert quopri.encodestring(b"=") == b"=3D"


def test_a_class_may_be_derived_of_a_name_and_told_by_it() -> None:
    with represented(("sched",)):
        import sched as late

        scheduler = late.scheduler

        class Own(scheduler):  # type: ignore[valid-type,misc]
            pass

    import sched

    assert Own.__mro__[1] is sched.scheduler
    assert isinstance(sched.scheduler(), scheduler)
    assert not isinstance(1, scheduler)


def test_what_is_there_already_stays() -> None:
    import json

    with represented(("json",)):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json


def test_names_of_the_import_system_are_not_made_up() -> None:
    assert not hasattr(LateModule("nothing"), "__path__")
