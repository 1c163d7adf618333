"""How long the parent process waits before it starts again what dies again and again."""

from app.runtime.supervisor import MAX_PAUSE, Comeback, pause_behind


def test_each_failure_doubles_the_pause_up_to_the_longest_for_days() -> None:
    assert [pause_behind(count) for count in range(5)] == [0, 0.5, 1, 2, 4]
    assert pause_behind(10_000) == MAX_PAUSE


def test_who_died_for_the_first_time_is_started_at_once() -> None:
    assert Comeback(failures=1).pause_seconds == 0
    assert Comeback(failures=2).pause_seconds > 0
