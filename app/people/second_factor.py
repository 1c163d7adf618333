"""
Second factors: codes of an authenticator app (TOTP, RFC 6238), and recovery codes.

The app's secret is sealed in `app_second_factor` (app/base/sealing.py), of recovery codes there are
hashes. Each counts once, and that is written, not looked at: a code of the app by the number of its
half minute, which only grows; a recovery code by its row, which goes. So two at once are told apart
by the database, on two nodes too.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.access.lockout import code_digest
from app.base.catalogue.people import SECOND_FACTOR_KEY, SECOND_FACTOR_ON
from app.base.clock import now
from app.base.sealing import OtherKey, opens, resealed, seal, unseal
from app.base.secrets import secret
from app.base.settings import settings
from app.db.sqlor import Row, SafeSqlor
from app.db.transactions import in_transaction, reading

# The file of the keys, among the secrets.
KEY = "second_factor_key"
ISSUER = "Pipeline"
RECOVERY_CODES = 10
_STEP_SECONDS = 30
# Clocks of telephones go wrong, and a code takes a while to be typed.
_DRIFT_STEPS = 1
_CODE = re.compile(r"[0-9]{6}")
_RECOVERY_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_LENGTH = 16
# So long after it was begun a set-up can be put in force.
_SETUP_LIFE = timedelta(minutes=15)
_FACTOR = (
    "select id, secret, last_step, created_at, confirmed_at from app_second_factor"
    " where id = ${id}$"
)


@dataclass(frozen=True)
class Factor:
    """A user's second factor: in force, or with `is_on` False still being set up."""

    user_id: str
    text: str
    last_step: int
    is_on: bool
    # When it was put in force: what was sealed before is not sealed with it.
    since: str = ""

    @classmethod
    def of(cls, row: Row) -> "Factor":
        """Return the factor that a row of its table says."""
        is_on = row.confirmed_at is not None
        since = row.confirmed_at.isoformat() if is_on else ""
        return cls(row.id, row.secret, int(row.last_step), is_on, since)


@dataclass(frozen=True)
class Proof:
    """What a right code is: a half minute of the app, or a recovery code by its hash."""

    user_id: str
    step: int = 0
    recovery_hash: str = ""
    # The sealed secret that made the code.
    text: str = ""


@dataclass(frozen=True)
class Setup:
    """What an app takes a new secret from: the secret to type, and the address in the picture."""

    secret: str
    address: str

    def as_dict(self) -> dict[str, object]:
        """Return it as pages get it, with the picture's rows of dark (1) and light (0) squares."""
        import segno

        rows = segno.make(self.address, error="m", micro=False).matrix
        picture = ["".join("1" if square else "0" for square in row) for row in rows]
        return {"secret": self.secret, "address": self.address, "picture": picture}


async def find_factor(user_id: str) -> Factor | None:
    """Return the user's second factor, in force or being set up; None where there is neither."""
    async with reading() as sor:
        row = await sor.one(_FACTOR, {"id": user_id})
    return None if row is None else Factor.of(row)


async def begin_setup(user_id: str, username: str) -> Setup:
    """
    Return what an app takes a secret from that is not in force yet: another one each time, so that
    nobody who looked before knows it. The set-up begun last counts.

    Raises Conflict where a second factor is in force.
    """
    import pyotp

    text = pyotp.random_base32()

    async def work(sor: SafeSqlor) -> None:
        await sor.sqlExe(
            "insert into app_second_factor (id, secret, last_step, created_at)"
            " values (${id}$, ${secret}$, 0, ${at}$) on duplicate key update"
            " secret = if(confirmed_at is null, values(secret), secret),"
            " created_at = if(confirmed_at is null, values(created_at), created_at)",
            {"id": user_id, "secret": seal(text, user_id, _keys()), "at": now()},
        )
        row = await sor.one(_FACTOR, {"id": user_id})
        if row is not None and row.confirmed_at is not None:
            raise SECOND_FACTOR_ON()

    await in_transaction(work)
    return Setup(text, pyotp.TOTP(text).provisioning_uri(name=username, issuer_name=ISSUER))


async def proof_of(factor: Factor, code: str) -> Proof | None:
    """
    Return what *code* proves now, or None where it is wrong or was used; nothing is used up.

    Raises Unavailable where the codes' secret was sealed with another host's key.
    """
    plain = _plain(code)
    if _CODE.fullmatch(plain):
        step = _step_of(factor, plain)
        return None if step is None else Proof(factor.user_id, step, text=factor.text)
    if not factor.is_on:
        return None
    digest = _hash(factor.user_id, plain)
    async with reading() as sor:
        rows = await sor.firsts(
            "select 1 from app_recovery_code where id = ${id}$ and user_id = ${user}$",
            {"id": digest, "user": factor.user_id},
        )
    return Proof(factor.user_id, recovery_hash=digest) if rows else None


def is_app_code(code: str) -> bool:
    """Return whether *code* looks like one of the app, which can be guessed."""
    return _CODE.fullmatch(_plain(code)) is not None


async def use_up(sor: SafeSqlor, proof: Proof) -> bool:
    """Write that the code of *proof* was used; False where somebody else did so before."""
    if proof.recovery_hash:
        is_first = await sor.sqlExe(
            "delete from app_recovery_code where id = ${id}$ and user_id = ${user}$",
            {"id": proof.recovery_hash, "user": proof.user_id},
        )
        if is_first:
            await _forget_guesses(sor, proof.user_id)
        return bool(is_first)
    return bool(
        await sor.sqlExe(
            "update app_second_factor set last_step = ${step}$"
            " where id = ${id}$ and secret = ${secret}$ and last_step < ${step}$"
            " and confirmed_at is not null",
            {"id": proof.user_id, "secret": proof.text, "step": proof.step},
        )
    )


async def put_in_force(sor: SafeSqlor, factor: Factor, proof: Proof) -> list[str] | None:
    """Turn the factor on whose code *proof* is, which is used up; its recovery codes, or None where
    the set-up was ended or begun anew since, or long ago."""
    moment = now()
    is_on = await sor.sqlExe(
        "update app_second_factor set confirmed_at = ${at}$, last_step = ${step}$"
        " where id = ${id}$ and secret = ${secret}$ and confirmed_at is null"
        " and created_at > ${old}$",
        {"id": factor.user_id, "secret": factor.text, "step": proof.step, "at": moment,
         "old": moment - _SETUP_LIFE},
    )  # fmt: skip
    return await renew_recovery_codes(sor, factor.user_id) if is_on else None


async def renew_recovery_codes(sor: SafeSqlor, user_id: str) -> list[str]:
    """Replace the user's recovery codes; the new ones, which are told once."""
    await sor.sqlExe("delete from app_recovery_code where user_id = ${id}$", {"id": user_id})
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    for code in codes:
        plain = code.replace("-", "")
        await sor.C(
            "app_recovery_code",
            {"id": _hash(user_id, plain), "user_id": user_id, "created_at": now()},
        )
    return codes


async def end_setup(sor: SafeSqlor, user_id: str) -> None:
    """End a set-up that is not in force yet: who knew the password before may have begun it."""
    await sor.sqlExe(
        "delete from app_second_factor where id = ${id}$ and confirmed_at is null", {"id": user_id}
    )


async def take_away(sor: SafeSqlor, user_id: str) -> bool:
    """Remove a user's second factor and recovery codes; whether there was one in force."""
    await _forget_guesses(sor, user_id)
    await sor.sqlExe("delete from app_recovery_code where user_id = ${id}$", {"id": user_id})
    row = await sor.one(_FACTOR + " for update", {"id": user_id})
    await sor.sqlExe("delete from app_second_factor where id = ${id}$", {"id": user_id})
    return row is not None and row.confirmed_at is not None


async def users_with_factor(sor: SafeSqlor, user_ids: Sequence[str]) -> set[str]:
    """Return those of these users whose second factor is in force."""
    return set(
        await sor.firsts(
            "select id from app_second_factor where id in ${ids}$ and confirmed_at is not null",
            {"ids": list(user_ids)},
        )
        if user_ids
        else ()
    )


async def count_recovery_codes(sor: SafeSqlor, user_id: str) -> int:
    """Return how many recovery codes the user has left."""
    (count,) = await sor.firsts(
        "select count(*) from app_recovery_code where user_id = ${id}$", {"id": user_id}
    )
    return int(count)


async def reseal_factors(keys: Sequence[str]) -> int:
    """Seal with the first of *keys* what is sealed with another one of them; how many."""

    async def work(sor: SafeSqlor) -> int:
        rows = await sor.tuples(
            "select id, secret from app_second_factor order by id for update", {}
        )
        count = 0
        for user_id, text in rows:
            value = resealed(text, user_id, keys)
            if value != text:
                await sor.sqlExe(
                    "update app_second_factor set secret = ${secret}$ where id = ${id}$",
                    {"id": user_id, "secret": value},
                )
                count += 1
        return count

    return await in_transaction(work)


async def unreadable_factors(sor: SafeSqlor, keys: Sequence[str]) -> list[str]:
    """Return the ids of users whose secret none of *keys* opens: their codes cannot be checked."""
    rows = await sor.tuples("select id, secret from app_second_factor order by id", {})
    return [user_id for user_id, text in rows if not opens(text, user_id, keys)]


async def _forget_guesses(sor: SafeSqlor, user_id: str) -> None:
    await sor.sqlExe(
        "delete from app_login_attempt where id = ${id}$", {"id": code_digest(user_id)}
    )


def _plain(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()


def _step_of(factor: Factor, code: str) -> int | None:
    import pyotp

    totp = pyotp.TOTP(_unseal(factor.text, factor.user_id))
    current_step = int(now().timestamp()) // _STEP_SECONDS
    steps = range(current_step - _DRIFT_STEPS, current_step + _DRIFT_STEPS + 1)
    return next(
        (
            step
            for step in steps
            if step > factor.last_step and hmac.compare_digest(totp.generate_otp(step), code)
        ),
        None,
    )


def _unseal(text: str, user_id: str) -> str:
    try:
        return unseal(text, user_id, _keys())
    except OtherKey:
        raise SECOND_FACTOR_KEY() from None


def _keys() -> list[str]:
    return secret(settings().var_dir, KEY).split()


def _hash(user_id: str, code: str) -> str:
    # 79 random bits: a hash that takes long would add nothing.
    return hashlib.sha256(f"{user_id}:{code}".encode("utf-8", "replace")).hexdigest()


def _recovery_code() -> str:
    text = "".join(secrets.choice(_RECOVERY_CHARACTERS) for _ in range(_RECOVERY_LENGTH))
    return "-".join(text[at : at + 4] for at in range(0, _RECOVERY_LENGTH, 4))
