"""Identifiers: random ones for ordinary rows, time-ordered ones for the ledger."""

import os
import time

from appPublic.uniqueID import getID


def new_id() -> str:
    """Return a random id of at most 32 characters, as the ecosystem makes them."""
    return str(getID())


# Random numbers of 74 bits that nobody has had: one system call gives many. Two processes never
# share them.
_ID_BATCH_SIZE = 512
_BYTES = 10
_TAIL_BITS = 74
# So much the ids of one millisecond are apart at most: nobody can tell the next from the last.
_STEP_MASK = (1 << 40) - 1
_randoms: list[int] = []
_last = [0, 0]  # millisecond and tail of the newest id


def time_ordered_id() -> str:
    """
    Return a UUIDv7 without dashes (RFC 9562): later ids sort after earlier ones, those of one
    process also within a millisecond (section 6.2, method 2), as long as its clock is not set back.
    """
    random_bits = _random()
    moment = time.time_ns() // 1_000_000
    if moment == _last[0]:
        tail = _last[1] + 1 + (random_bits & _STEP_MASK)
    else:
        # The highest bit stays free, so that the ids after it in this millisecond have room.
        tail = random_bits >> 1
    _last[:] = moment, tail
    value = moment << 80 | 0x7 << 76 | (tail >> 62) << 64 | 0x2 << 62 | tail & ((1 << 62) - 1)
    return f"{value:032x}"


def _random() -> int:
    if not _randoms:
        data = os.urandom(_BYTES * _ID_BATCH_SIZE)
        _randoms.extend(
            int.from_bytes(data[at : at + _BYTES]) >> 8 * _BYTES - _TAIL_BITS
            for at in range(0, len(data), _BYTES)
        )
    return _randoms.pop()


def _forget() -> None:
    _randoms.clear()
    _last[:] = 0, 0


os.register_at_fork(after_in_child=_forget)
