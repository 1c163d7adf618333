"""Users and rights as an administrator of Sage makes them."""

from collections.abc import Iterable

from appPublic.rc4 import password as encode_password

from tests.support.installation import Installation


def make_user(server: Installation, name: str, role: str = "viewer") -> None:
    """A user of the owner with *role* ("": none); its id is its name, its password
    `<name>-password`."""
    stored_password = encode_password(f"{name}-password", key=server.settings.password_key)
    server.query(
        "insert into users (id, username, password, orgid, user_status)"
        " values (%s, %s, %s, '0', '0')", name, name, stored_password, database="sage",
    )  # fmt: skip
    server.query(
        "insert into userrole select %s, %s, id from role"
        " where orgtypeid = 'owner' and name = %s", name, name, role, database="sage",
    )  # fmt: skip


def permit(server: Installation, path: str, role: str) -> None:
    """Give *role* (its id) the right to *path*, as an administrator of Sage would."""
    mark = f"probe{abs(hash(path)) % 10**8}"
    server.query(
        "insert into permission (id, name, path, need_audit) values (%s, 'probe', %s, '0')",
        mark, path, database="sage",
    )  # fmt: skip
    server.query(
        "insert into rolepermission (id, roleid, permid) values (%s, %s, %s)",
        mark, role, mark, database="sage",
    )  # fmt: skip


def make_role(server: Installation, name: str, paths: Iterable[str]) -> None:
    """A role `owner.<name>` with the right to *paths*, which are registered already."""
    server.query(
        "insert into role (id, orgtypeid, name) values (%s, 'owner', %s)", name, name,
        database="sage",
    )  # fmt: skip
    for number, path in enumerate(paths):
        server.query(
            "insert into rolepermission (id, roleid, permid)"
            " select %s, %s, id from permission where path = %s",
            f"{name}-{number}", name, path, database="sage",
        )  # fmt: skip
