"""What is said of a Sage database that cannot be used."""

from app.base.settings import settings
from app.runtime.terminal import CommandError


def no_sage(missing: list[str]) -> CommandError:
    """Return the error for a Sage database that lacks RBAC tables."""
    place = settings().sage_database
    names = ", ".join(missing)
    return CommandError(
        f"The database {place.name} has no RBAC tables ({names}). Name Sage's database by "
        "SAGE_RBAC_DB, or make a small one: py3/bin/python app/manage.py setup-sage",
        f"数据库 {place.name} 中没有 RBAC 表（{names}）。请用 SAGE_RBAC_DB 指定 Sage 的数据库，"
        "或建立一套：py3/bin/python app/manage.py setup-sage",
    )
