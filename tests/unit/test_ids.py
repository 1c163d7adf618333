"""Time-ordered ids: their form, their order, and that no two are the same."""

import multiprocessing
import time
import uuid

from app.base.ids import time_ordered_id


def many(_: int = 0) -> list[str]:
    return [time_ordered_id() for _ in range(20_000)]


def test_an_id_is_a_uuid_of_version_7_with_the_time_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    identifier = uuid.UUID(time_ordered_id())
    after = time.time_ns() // 1_000_000

    assert (identifier.version, identifier.variant) == (7, uuid.RFC_4122)
    assert before <= identifier.int >> 80 <= after


def test_ids_of_one_process_are_in_the_order_they_were_made() -> None:
    """Many in each millisecond, so that the time alone does not put them in order."""
    ids = many()

    assert len({one[:12] for one in ids}) < len(ids) / 2
    assert ids == sorted(set(ids))


def test_forked_processes_make_no_id_twice() -> None:
    many()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        result = [*many(), *(one for some in pool.map(many, range(4)) for one in some)]

    assert len(set(result)) == len(result)


def test_a_clock_that_is_set_back_makes_no_id_twice(monkeypatch) -> None:
    ids = many()
    back = time.time_ns() - 3_600_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: back)

    ids += many()

    assert len(set(ids)) == len(ids)
