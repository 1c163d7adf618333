"""The run-time folder `var/`: where it is, and that only its owner can look into it."""

import os
import stat
from pathlib import Path

from app.base.settings import ROOT
from app.runtime.terminal import print_error


def var_folder() -> Path:
    """Return the run-time folder that the environment names."""
    return Path(os.environ.get("PIPELINE_VAR") or ROOT / "var").resolve()


def keep_private(var_dir: Path) -> None:
    """
    Let this process and those it starts make files for their owner only, whatever the umask was.

    A run-time folder that others may enter is narrowed to mode 0700: who may write there could put
    a folder of their own in the place of `secrets/`. One that is not ours alone is complained of.
    """
    os.umask(0o077)
    try:
        status = var_dir.stat()
        if not status.st_mode & 0o077:
            return
        # A sticky one is a folder of all users, such as /tmp: not ours to close.
        if not status.st_mode & stat.S_ISVTX:
            var_dir.chmod(0o700)
            return
    except FileNotFoundError:
        return
    except OSError:
        pass  # of another user, or on a disk that cannot be written
    print_error(
        f"Others may use {var_dir}, where passwords and keys are kept, and it is not this user's "
        "to close. Name another run-time folder by PIPELINE_VAR.",
        f"其他用户可以使用 {var_dir}，而口令与密钥存放在那里，当前用户无权收紧其权限。"
        "请用 PIPELINE_VAR 指定其他运行目录。",
    )
