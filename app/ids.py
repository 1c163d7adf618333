"""Identifiers: random ones for ordinary rows, time-ordered ones for the ledger."""

import os
import time

from appPublic.uniqueID import getID


def new_id() -> str:
    """A random id of at most 32 characters, as the ecosystem makes them."""
    return str(getID())


# Random numbers of 80 bits that nobody has had: one system call gives many. Two processes never
# share them.
_IDS_AT_ONCE = 512
_randoms: list[int] = []
os.register_at_fork(after_in_child=_randoms.clear)


def time_ordered_id() -> str:
    """A UUIDv7 without dashes (RFC 9562): later ids sort after earlier ones, to the millisecond."""
    try:
        random_bits = _randoms.pop()
    except IndexError:
        found = os.urandom(10 * _IDS_AT_ONCE)
        _randoms.extend(int.from_bytes(found[at : at + 10]) for at in range(10, len(found), 10))
        random_bits = int.from_bytes(found[:10])
    value = (time.time_ns() // 1_000_000) << 80 | random_bits
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return f"{value:032x}"
