"""The sliding window of calls per minute, held against a log of exact times."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from pipeline_dist.admission.rate_window import RateWindow

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
TOLERANCE = timedelta(seconds=0.6)  # 1 % of the window


def at(seconds: float) -> datetime:
    return START + timedelta(milliseconds=round(seconds * 1000))


def admissions(times: list[float], limit: int) -> list[datetime]:
    """Those of the tries that the window lets in, stored and read again between any two."""
    state: bytes | None = None
    let_in = []
    for seconds in times:
        window = RateWindow(state, at(seconds))
        if not window.limit(limit).full:
            window.add()
            state = window.dump()
            let_in.append(at(seconds))
    return let_in


@given(
    st.lists(st.floats(min_value=0, max_value=20), max_size=120),
    st.integers(min_value=1, max_value=20),
)
def test_never_more_than_the_limit_in_any_minute_and_no_needless_refusal(
    gaps: list[float], limit: int
) -> None:
    times, passed = [], 0.0
    for gap in gaps:
        passed += gap / 5
        times.append(passed)

    let_in = admissions(times, limit)

    for moment in let_in:
        minute = [t for t in let_in if moment <= t < moment + timedelta(seconds=60)]
        assert len(minute) <= limit
    for refusal in sorted({at(t) for t in times} - set(let_in)):
        recent = [t for t in let_in if refusal - timedelta(seconds=60) - TOLERANCE < t <= refusal]
        assert len(recent) >= limit


def test_the_time_told_is_the_time_there_is_room() -> None:
    state = None
    for seconds in (0.1, 10.3, 20.7):
        window = RateWindow(state, at(seconds))
        window.add()
        state = window.dump()

    full = RateWindow(state, at(30)).limit(3)
    assert full.full
    assert full.resets_at is not None
    just_before = full.resets_at - timedelta(milliseconds=1)
    assert RateWindow(state, just_before).limit(3).full
    assert not RateWindow(state, full.resets_at).limit(3).full
    assert full.resets_at - at(0.1) <= timedelta(seconds=60) + TOLERANCE


def test_a_lowered_limit_waits_for_as_many_to_leave() -> None:
    state = None
    for seconds in (1, 2, 3):
        window = RateWindow(state, at(seconds))
        window.add()
        state = window.dump()

    resets_at = RateWindow(state, at(4)).limit(1).resets_at

    assert resets_at is not None
    assert not RateWindow(state, resets_at).limit(1).full
    assert RateWindow(state, resets_at - timedelta(milliseconds=1)).limit(1).full


def test_an_empty_or_damaged_window_is_empty() -> None:
    assert RateWindow(None, START).count == 0
    assert RateWindow(b"not a window", START).count == 0


def test_a_clock_that_was_set_back_an_hour_does_not_lock_anybody_out() -> None:
    window = RateWindow(None, at(3600))
    window.add(100)

    assert RateWindow(window.dump(), START).count == 0


def test_a_clock_a_little_behind_still_counts() -> None:
    window = RateWindow(None, at(5))
    window.add(2)

    assert RateWindow(window.dump(), START).count == 2


def test_it_fits_its_column() -> None:
    window = RateWindow(None, START)
    window.add(2**31)

    assert len(window.dump()) <= 512
    assert RateWindow(window.dump(), START).count == 2**31
