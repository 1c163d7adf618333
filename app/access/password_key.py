"""
Another key for the stored passwords of the Sage that we set up ourselves.

Sage's passwords can be decoded with the key (RC4): they are, and encoded with the new one, all in
one transaction. What happens on the disk and in the database cannot happen in one step: a file
beside the key says what is under way, and `finish_interrupted` brings it to an end.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from appPublic.rc4 import password as encode_password, unpassword as decode_password

from app.access.sage_setup import Cursor, sage_cursor
from app.base.private_files import write_private
from app.base.secrets import secret_file, write_secret
from app.base.settings import Settings
from app.runtime.terminal import CommandError

NAME = "password_key"
_USERS = "SELECT id, username, password FROM users WHERE password > '' ORDER BY id FOR UPDATE"


def rotate(config: Settings) -> int:
    """
    Encode all passwords with a new key and put the key in place; how many passwords there are.

    Raises CommandError, with nothing changed, when one of them cannot be decoded.
    """
    finish_interrupted(config)
    new_key, under_way = secrets.token_hex(32), _under_way(config)
    try:
        with sage_cursor() as cursor:
            count = _encode_anew(cursor, config.password_key, new_key, under_way)
    except BaseException:
        under_way.unlink(missing_ok=True)
        raise
    write_secret(config.var_dir, NAME, new_key)
    under_way.unlink()
    return count


def finish_interrupted(config: Settings) -> None:
    """Put the key in place that the passwords are encoded with, after a rotation was cut off."""
    under_way = _under_way(config)
    try:
        plan = json.loads(under_way.read_text("utf-8"))
    except FileNotFoundError:
        return
    with sage_cursor() as cursor:
        cursor.execute(_USERS)
        users_digest = _digest(cursor.fetchall())
    if users_digest == plan["after"]:
        write_secret(config.var_dir, NAME, plan["key"])
    elif users_digest != plan["before"]:
        raise CommandError(
            f"A change of the password key was cut off, and passwords were changed since. "
            f"{under_way} holds the new key. Try to sign in: if it works, remove that file; if "
            f"not, put its key into {secret_file(config.var_dir, NAME)}, then remove it.",
            f"更换密码密钥时被中断，此后又有密码被修改。新密钥在 {under_way} 中。"
            f"请尝试登录：若可以，删除该文件；若不行，把其中的密钥写入 "
            f"{secret_file(config.var_dir, NAME)}，再删除该文件。",
        )
    under_way.unlink()


def _encode_anew(cursor: Cursor, old_key: str, new_key: str, under_way: Path) -> int:
    cursor.execute(_USERS)
    users = cursor.fetchall()
    plain = {user["id"]: _decode(str(user["password"]), old_key) for user in users}
    if unknown := [user["username"] for user in users if plain[user["id"]] is None]:
        names = ", ".join(unknown[:10])
        raise CommandError(
            f"{len(unknown)} password(s) are not encoded with the present key ({names}). Nothing "
            "was changed; give these users new passwords first: manage.py create-admin --reset",
            f"有 {len(unknown)} 个密码不是用当前密钥编码的（{names}）。未作改动；"
            "请先为这些用户重设密码：manage.py create-admin --reset",
        )
    new_passwords = [
        dict(user, password=encode_password(plain[user["id"]], key=new_key)) for user in users
    ]
    for user in new_passwords:
        cursor.execute(
            "UPDATE users SET password = %s WHERE id = %s", (user["password"], user["id"])
        )
    plan = {"key": new_key, "before": _digest(users), "after": _digest(new_passwords)}
    write_private(under_way, json.dumps(plan) + "\n")
    return len(users)


def _decode(text: str, key: str) -> str | None:
    """Return the password, or None when *text* was not made with *key*."""
    try:
        plain = str(decode_password(text, key=key))
    except (ValueError, TypeError, IndexError):
        return None
    return plain if encode_password(plain, key=key) == text else None


def _digest(users: Iterable[Mapping[str, Any]]) -> str:
    lines = sorted(f"{user['id']}:{user['password']}" for user in users)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _under_way(config: Settings) -> Path:
    return secret_file(config.var_dir, f"{NAME}.next")
