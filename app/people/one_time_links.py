"""
Links by which somebody gives himself a password, once: who was invited, or has forgotten it.

An administrator hands the link over; no mail is sent. The table has its hash. That it was used is
written: its row goes in the transaction that sets the password.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from app.base.clock import now
from app.db.sqlor import Row, SafeSqlor

LIFE = timedelta(hours=72)


async def make_link(sor: SafeSqlor, user_id: str, made_by: str) -> tuple[str, datetime]:
    """Return a new token for *user_id* and when it ends; earlier ones of the user end now."""
    token, moment = secrets.token_urlsafe(32), now()
    await end_links(sor, user_id)
    await sor.C("app_invitation", {
        "id": _hash(token), "user_id": user_id, "created_at": moment, "created_by": made_by,
        "expires_at": moment + LIFE,
    })  # fmt: skip
    return token, moment + LIFE


async def user_of_link(sor: SafeSqlor, token: str) -> str | None:
    """Return whose link it is; None for one that was used, has ended, or never was."""
    row: Row | None = await sor.one(
        "select user_id from app_invitation where id = ${id}$ and expires_at > ${now}$",
        {"id": _hash(token), "now": now()},
    )
    return None if row is None else str(row.user_id)


async def use_up_link(sor: SafeSqlor, token: str) -> bool:
    """Write that the link was used; False where somebody did so before, or it has ended."""
    return bool(
        await sor.sqlExe(
            "delete from app_invitation where id = ${id}$ and expires_at > ${now}$",
            {"id": _hash(token), "now": now()},
        )
    )


async def end_links(sor: SafeSqlor, user_id: str) -> None:
    """End all links of a user."""
    await sor.sqlExe("delete from app_invitation where user_id = ${id}$", {"id": user_id})


async def end_links_with(sor: SafeSqlor, user_id: str) -> None:
    """End all links of a user, and those that the user made for others."""
    await sor.sqlExe(
        "delete from app_invitation where user_id = ${id}$ or created_by = ${id}$", {"id": user_id}
    )


async def drop_old_links(sor: SafeSqlor) -> None:
    """Delete the links whose time is over."""
    await sor.sqlExe("delete from app_invitation where expires_at < ${now}$", {"now": now()})


async def links_of(sor: SafeSqlor, user_ids: list[str]) -> dict[str, datetime]:
    """Return until when each of these users has a link."""
    rows = await sor.tuples(
        "select user_id, max(expires_at) from app_invitation"
        " where user_id in ${ids}$ and expires_at > ${now}$ group by user_id",
        {"ids": user_ids, "now": now()},
    ) if user_ids else ()  # fmt: skip
    return dict(rows)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
