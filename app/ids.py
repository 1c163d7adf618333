"""Identifiers: random ones for ordinary rows, time-ordered ones for the ledger."""

import os
import time

from appPublic.uniqueID import getID


def new_id() -> str:
    """A random id of at most 32 characters, as the ecosystem makes them."""
    return str(getID())


def time_ordered_id() -> str:
    """A UUIDv7 without dashes (RFC 9562): later ids sort after earlier ones, to the millisecond."""
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (time.time_ns() // 1_000_000) << 80 | random_bits
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return f"{value:032x}"
