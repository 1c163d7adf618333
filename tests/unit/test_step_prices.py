"""When a price goes on under its step's new code: whenever no other price of that code is there."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, strategies as st

from pipeline_ops.tables.step_prices import _end, _successor

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = 10


def moment(day: int | None) -> datetime | None:
    return None if day is None else START + timedelta(days=day)


def price(first: int, last: int | None, **more: Any) -> dict[str, Any]:
    times = {"effective_from": moment(first), "effective_to": moment(last)}
    return {
        "id": "p",
        "distributor_id": "",
        "step_key": "a",
        "model": "m",
        "unit": "call",
        **times,
        **more,
    }


def follow(old: dict[str, Any], *others: dict[str, Any]) -> tuple[Any, Any] | None:
    at = moment(NOW)
    assert at is not None
    successor = _successor(old, "b", others, at)
    return None if successor is None else (successor["effective_from"], successor["effective_to"])


def test_a_price_goes_on_from_the_moment_or_from_its_own_start() -> None:
    assert follow(price(0, None)) == (moment(NOW), None)
    assert follow(price(0, 20)) == (moment(NOW), moment(20))
    assert follow(price(15, None)) == (moment(15), None)


def test_other_keys_are_not_in_its_way() -> None:
    for more in ({"step_key": "c"}, {"model": ""}, {"unit": "image"}, {"distributor_id": "d"}):
        other = price(0, None, **{"step_key": "b", **more})
        assert follow(price(0, None), other) == (moment(NOW), None)


def test_what_has_begun_ends_and_what_has_not_is_switched_off() -> None:
    at = moment(NOW)
    assert at is not None
    end = {"effective_to": at, "end_terms_no": 7, "succeeded_by": None, "former_to": None}
    assert _end(price(0, None), at, 7) == end
    off = {"enabled": 0, "terms_no": 7, "end_terms_no": 7}
    assert _end(price(NOW, None), at, 7) == off
    assert _end(price(15, None), at, 7) == off


@st.composite
def periods(draw: st.DrawFn) -> list[tuple[int, int | None]]:
    """Times that do not overlap, in their order; the last may have no end."""
    days = sorted(draw(st.sets(st.integers(0, 30), max_size=8)))
    pairs: list[tuple[int, int | None]] = [
        (first, last) for first, last in zip(days[::2], days[1::2], strict=False)
    ]
    return [*pairs, (days[-1], None)] if len(days) % 2 else pairs


@given(periods(), st.integers(0, 30), st.integers(0, 30) | st.none())
def test_a_successor_never_overlaps_and_leaves_no_gap_before_the_next(
    others: list[tuple[int, int | None]], first: int, last: int | None
) -> None:
    if last is not None and last <= max(first, NOW):
        return  # over, or no price

    def is_free(day: int) -> bool:
        return not any(a <= day and (b is None or day < b) for a, b in others)

    later = [price(a, b, step_key="b") for a, b in others if b is None or b > NOW]
    times = follow(price(first, last), *later)

    own_days = range(max(first, NOW), 40 if last is None else last)
    free_days = [day for day in own_days if is_free(day)]
    if times is None:
        assert free_days == []
        return
    days = [d for d in range(40) if times[0] <= START + timedelta(d) and
            (times[1] is None or START + timedelta(d) < times[1])]  # fmt: skip
    assert days[0] == free_days[0]
    assert all(is_free(day) and day in own_days for day in days)
    following = days[-1] + 1
    assert following == own_days.stop or not is_free(following)
