"""
Counting tries to sign in, so that guessing gets slow and nobody is locked out for long.

Failures are counted in `app_login_attempt`, by digests: per user name (whether there is such a
user or not), per address, per browser that the user has signed in from before, and apart from these
per user at the codes of the app, after a right password.

| counted per | free | then wait | at most | forgotten |
| --- | --- | --- | --- | --- |
| user | 5 | 15 s, doubled by each failure | 15 min | by signing in, or after 1 h |
| known browser | 5 | 15 s, doubled by each failure | 15 min | by signing in, or after 1 h |
| address | 20 | 15 s, doubled by each failure | 2 min | one a minute |
| codes of the app | 5 | 15 s, doubled by each failure | 4 h | by signing in, or after 24 h |

An address may be a whole office behind one proxy: that is why its failures fade and its wait is
short. Who comes from a browser known for this user is held up by that browser's own failures only:
others who guess at the name, or from the address, cannot keep that user out. Guesses at codes hold
whatever the browser is: only who knows the password makes them, and may have collected browsers.
Recovery codes, which nobody guesses, are not held by them. An IPv6 address counts as its /64, which
is one customer's.
"""

import asyncio
import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.base.addresses import read_address
from app.base.catalogue.requests import LOCKED_OUT
from app.base.clock import now
from app.db.sqlor import Row, SafeSqlor
from app.db.transactions import in_transaction, reading

FIRST_WAIT = timedelta(seconds=15)
FORGOTTEN_AFTER = timedelta(hours=1)
# Those who wait for their turn hold no connection: guessing must not use up the pool of a worker.
_turns = asyncio.Semaphore(4)
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Limit:
    """How many failures are free, how long the longest wait is, in what time one fades."""

    free: int
    longest: timedelta
    fades_in: timedelta | None = None
    forgotten_after: timedelta = FORGOTTEN_AFTER


LIMITS = {
    "user": Limit(5, timedelta(minutes=15)),
    "browser": Limit(5, timedelta(minutes=15)),
    "address": Limit(20, timedelta(minutes=2), timedelta(minutes=1)),
    "code": Limit(5, timedelta(hours=4), forgotten_after=timedelta(hours=24)),
}
_MAX_MEMORY = max(limit.forgotten_after for limit in LIMITS.values())


def places_of(username: str, address: str, browser: str | None) -> dict[str, str]:
    """Return where a try is counted: digest -> kind. *browser* is the id of one known for this
    user."""
    places = {user_digest(username): "user", _digest("address", _network(address)): "address"}
    if browser is not None:
        places[_digest("browser", browser)] = "browser"
    return places


def session_places(session_id: str, address: str) -> dict[str, str]:
    """Return where a try in a session is counted: it is held up as a known browser is."""
    return {_digest("session", session_id): "browser",
            _digest("address", _network(address)): "address"}  # fmt: skip


def user_digest(username: str) -> str:
    """Return the key of a user's row; names that differ in case share one."""
    return _digest("user", username.casefold())


def code_digest(user_id: str) -> str:
    """Return the key of the row of failures at a user's codes."""
    return _digest("code", user_id)


async def count_try(places: Mapping[str, str], *, right: bool | None) -> None:
    """
    Count a try that was *right* or not, or raise TooManyRequests `locked_out`, whatever it was.

    None is a try that was right so far and not yet whole, as without the second factor: it neither
    counts nor forgives.

    Tries at one place are looked at one after another, so that many at once are no way around.
    """

    async def work(sor: SafeSqlor) -> float:
        moment = now()
        rows = await _locked_rows(sor, places, moment)
        seconds = _seconds_to_wait(places, rows, moment)
        if seconds <= 0 and right:
            await _forget(sor, places, moment)
        elif seconds <= 0 and right is False:
            await _add(sor, places, rows, moment)
        return seconds

    # Looked at without a lock first: most of a flood of guesses is refused here.
    await require_no_wait(places)
    async with _turns:
        _require_none(await in_transaction(work))


async def require_no_wait(places: Mapping[str, str]) -> None:
    """Raise TooManyRequests `locked_out` while no try is looked at; nothing is counted."""
    async with reading() as sor:
        _require_none(_seconds_to_wait(places, await _rows(sor, places), now()))


def _require_none(seconds: float) -> None:
    if seconds > 0:
        raise LOCKED_OUT(
            headers={"Retry-After": str(int(seconds) + 1)},
            extra={"retry_after": int(seconds) + 1},
            seconds=int(seconds) + 1,
        )


async def _locked_rows(sor: SafeSqlor, places: Mapping[str, str], moment: datetime) -> list[Row]:
    # Made first where they are not there yet, so that there is something to lock.
    for digest in sorted(places):
        await sor.sqlExe(
            "insert into app_login_attempt (id, fails, last_at) values (${id}$, 0, ${at}$)"
            " on duplicate key update id = id",
            {"id": digest, "at": moment},
        )
    return await _rows(sor, places, " for update")


async def _rows(sor: SafeSqlor, places: Mapping[str, str], lock: str = "") -> list[Row]:
    rows: list[Row] = await sor.sqlExe(
        f"select id, fails, last_at from app_login_attempt where id in ${{ids}}$ order by id{lock}",  # noqa: S608
        {"ids": sorted(places)},
    )
    return rows


def _seconds_to_wait(places: Mapping[str, str], rows: list[Row], moment: datetime) -> float:
    """Return how long until the next try is looked at; zero or less: now."""
    holding = {"code", "browser"} if "browser" in places.values() else {"code", "user", "address"}
    free_at = [_free_at(places[row.id], row) for row in rows if places[row.id] in holding]
    return (max(free_at, default=moment) - moment).total_seconds()


def _free_at(kind: str, row: Row) -> datetime:
    """Return when the next try is looked at."""
    limit, last = LIMITS[kind], row.last_at
    extra = row.fails - limit.free
    if extra < 0:
        return _ALWAYS
    moment: datetime = last + min(FIRST_WAIT * 2 ** min(extra, 10), limit.longest)
    return moment


def _standing(kind: str, row: Row, moment: datetime) -> int:
    """Return the failures that still count."""
    idle = moment - row.last_at
    limit = LIMITS[kind]
    if idle > limit.forgotten_after:
        return 0
    fades_in = limit.fades_in
    faded = 0 if fades_in is None else max(0, idle // fades_in)
    return max(0, int(row.fails) - faded)


async def _add(
    sor: SafeSqlor, places: Mapping[str, str], rows: list[Row], moment: datetime
) -> None:
    for row in rows:
        await sor.sqlExe(
            "update app_login_attempt set fails = ${fails}$, last_at = ${at}$ where id = ${id}$",
            {"id": row.id, "fails": _standing(places[row.id], row, moment) + 1, "at": moment},
        )


async def _forget(sor: SafeSqlor, places: Mapping[str, str], moment: datetime) -> None:
    own = [digest for digest, kind in places.items() if kind != "address"]
    await sor.sqlExe("delete from app_login_attempt where id in ${ids}$", {"ids": own})
    # What others failed long ago goes too, so that the table stays small.
    await sor.sqlExe(
        "delete from app_login_attempt where last_at < ${old}$ limit 1000",
        {"old": moment - _MAX_MEMORY},
    )


def _network(address: str) -> str:
    ip_address = read_address(address)
    if ip_address is None or ip_address.version == 4:
        return address if ip_address is None else str(ip_address)
    # `read_network` takes none that holds IPv4 beside IPv6, as that of ::1 does.
    return str(ipaddress.IPv6Network((int(ip_address), 64), strict=False))


def _digest(kind: str, name: str) -> str:
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()
