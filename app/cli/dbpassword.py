"""`manage.py dbpassword`: seal the database password for the configuration file."""

import argparse
import getpass
import os
import sys

from appPublic.aes import aes_encode_b64

from app.base.config_file import config_files, read_config
from app.base.settings import ROOT
from app.base.settings_checks import ConfigError
from app.runtime.terminal import CommandError, in_language, print_error


def run_command(argv: list[str]) -> int:
    """Print what to put into `password`, and nothing else; the clear text is never shown."""
    argparse.ArgumentParser(
        prog="manage.py dbpassword",
        description="Seal the database password with password_key of the configuration; it is "
        "asked for, or read from the standard input. 用配置中的 password_key 封装数据库密码；"
        "密码由终端输入，或从标准输入读取。",
    ).parse_args(argv)
    key = _key()
    try:
        sealed_text = aes_encode_b64(key, _password())
    except UnicodeEncodeError:
        raise CommandError(
            "The password or password_key has letters that cannot be sealed (only ISO 8859-1 can). "
            "Give the password by PIPELINE_DB_PASSWORD, or choose another one.",
            "密码或 password_key 含有无法封装的字符（仅限 ISO 8859-1）。"
            "请改用 PIPELINE_DB_PASSWORD，或换一个密码。",
        ) from None
    print_error(
        "Put this into password of the database's kwargs:", "请将下面一行填入该数据库的 password："
    )
    print(sealed_text)
    return 0


def _key() -> str:
    files = config_files(os.environ, ROOT)
    try:
        key = str(read_config(files).get("password_key") or "")
    except ConfigError:
        key = ""  # what is wrong with it, the start tells
    if not key:
        conf = " or ".join(map(str, files))
        raise CommandError(
            f"There is no password_key in {conf}, and nothing to seal with. Put one there, at the "
            'top: "password_key": "…" (openssl rand -hex 16 makes one; where a Sage is used, it '
            "must be Sage's), and run this again. Or leave the file without a password and set "
            "PIPELINE_DB_PASSWORD.",
            f'{conf} 中没有 password_key，无法封装。请在其顶层写入 "password_key": "…"'
            "（可用 openssl rand -hex 16 生成；若使用 Sage，须为 Sage 的密钥），再执行本命令。"
            "也可以不在文件中写密码，而设置 PIPELINE_DB_PASSWORD。",
        )
    return key


def _password() -> str:
    if sys.stdin.isatty():
        password = getpass.getpass(in_language("Database password: ", "数据库密码："))
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError("The password is empty.", "密码为空。")
    return password
