"""A module's paths in Sage: listed ones are there, dropped ones go, what others gave stays."""

import pytest

from app.access.rbac import SageRbac
from app.access.register_paths import register_paths, write_paths
from app.base.errors import AppError
from app.db.transactions import in_transaction
from tests.support.installation import Installation

MODULE = "made_up"
WANTED = {
    "any": ("/made_up/open.ui",),
    "owner.superuser": ("/made_up/list.ui", "/made_up/api/**"),
    "owner.viewer": ("/made_up/list.ui",),
}


async def load(rights=WANTED) -> tuple[int, int]:
    return await in_transaction(lambda sor: write_paths(sor, MODULE, rights), "sage")


async def roles_for(path: str) -> frozenset[str]:
    return (await SageRbac().rights()).roles_for(path)


def sage(pool: Installation, sql: str, *values):
    return pool.query(sql, *values, database="sage")


def permission_id(pool: Installation, path: str) -> str:
    return sage(pool, "select id from permission where path = %s", path)[0]["id"]


def role_id(pool: Installation, name: str) -> str:
    return sage(
        pool, "select id from role where concat(orgtypeid, '.', name) = %s order by id", name
    )[0]["id"]


def give_by_hand(pool: Installation, role: str, path: str, right_id: str = "hand") -> None:
    sage(
        pool,
        "insert into rolepermission (id, roleid, permid) values (%s, %s, %s)",
        right_id,
        role_id(pool, role),
        permission_id(pool, path),
    )


@pytest.fixture(autouse=True)
def _as_if_new(pool: Installation):
    yield
    sage(
        pool,
        "delete from rolepermission where permid in"
        " (select id from permission where lower(path) like '%%/made\\_up%%')",
    )
    sage(pool, "delete from permission where lower(path) like '%%/made\\_up%%'")
    sage(pool, "delete from rolepermission where id like 'hand%%'")


async def test_what_is_listed_is_there_and_a_second_time_changes_nothing(pool):
    assert await load() == (4, 0)
    assert await load() == (0, 0)

    assert await roles_for("/made_up/open.ui") == {"any"}
    assert await roles_for("/made_up/list.ui") == {"owner.superuser", "owner.viewer"}
    assert await roles_for("/made_up/api/x.dspy") == {"owner.superuser"}


async def test_what_the_module_dropped_goes_with_its_permission(pool):
    await load()

    assert await load({"owner.superuser": ("/made_up/list.ui",)}) == (0, 3)

    assert await roles_for("/made_up/open.ui") == frozenset()
    assert await roles_for("/made_up/list.ui") == {"owner.superuser"}
    paths = sage(pool, "select path from permission where path like '/made\\_up%%'")
    assert [row["path"] for row in paths] == ["/made_up/list.ui"]


async def test_a_module_that_lists_nothing_more_leaves_nothing(pool):
    await load()

    assert await load({}) == (0, 4)

    assert sage(pool, "select 1 from permission where path like '/made\\_up%%'") == []


async def test_a_right_given_by_hand_stays_also_on_a_dropped_path(pool):
    await load()
    give_by_hand(pool, "owner.operator", "/made_up/list.ui")

    await load()
    roles = await roles_for("/made_up/list.ui")
    await load({})

    assert "owner.operator" in roles
    assert await roles_for("/made_up/list.ui") == {"owner.operator"}


async def test_a_right_that_was_given_by_hand_first_is_not_taken_over(pool):
    await load({"owner.superuser": ("/made_up/list.ui",)})
    give_by_hand(pool, "owner.viewer", "/made_up/list.ui")

    await load()
    await load({})

    assert await roles_for("/made_up/list.ui") == {"owner.viewer"}


async def test_a_permission_that_an_administrator_prepared_stays(pool):
    sage(
        pool,
        "insert into permission (id, name, path) values ('hand-p', %s, %s)",
        MODULE,
        "/made_up/later.ui",
    )

    await load()
    await load({})

    assert sage(pool, "select 1 from permission where id = 'hand-p'")


async def test_a_dropped_path_goes_also_when_its_permission_was_renamed(pool):
    await load()
    sage(pool, "update permission set name = 'lists' where path = '/made_up/list.ui'")

    await load({"any": ("/made_up/open.ui",)})

    assert await roles_for("/made_up/list.ui") == frozenset()


async def test_a_role_that_was_made_anew_in_sage_gets_its_rights_again(pool):
    await load()
    old = role_id(pool, "owner.viewer")
    sage(pool, "update role set id = 'hand-role' where id = %s", old)
    try:
        additions, removals = await load()

        assert (additions, removals) == (1, 1)
        assert "owner.viewer" in await roles_for("/made_up/list.ui")
    finally:
        sage(pool, "update role set id = %s where id = 'hand-role'", old)


async def test_a_permission_that_was_made_anew_in_sage_gets_its_roles_again(pool):
    await load()
    sage(pool, "update permission set id = 'hand-p2' where path = '/made_up/list.ui'")

    assert await load() == (2, 2)

    assert await roles_for("/made_up/list.ui") == {"owner.superuser", "owner.viewer"}


async def test_a_permission_whose_path_was_edited_in_sage_is_made_again(pool):
    await load()
    sage(pool, "update permission set path = '/made_up/moved.ui' where path = '/made_up/list.ui'")

    await load()

    assert await roles_for("/made_up/list.ui") == {"owner.superuser", "owner.viewer"}
    assert await roles_for("/made_up/moved.ui") == frozenset()


async def test_a_role_of_a_similar_name_gets_nothing(pool):
    sage(pool, "insert into role (id, orgtypeid, name) values ('hand-r', 'Owner', 'Viewer')")
    sage(
        pool,
        "update role set name = 'viewer-away' where orgtypeid = 'owner' and name = 'viewer'"
        " and id <> 'hand-r'",
    )
    try:
        await load()

        assert await roles_for("/made_up/list.ui") == {"owner.superuser", "owner.viewer"}
    finally:
        sage(
            pool,
            "delete from rolepermission where roleid in (select id from role"
            " where binary name = 'viewer')",
        )
        sage(pool, "delete from role where id = 'hand-r' or binary name = 'viewer'")
        sage(pool, "update role set name = 'viewer' where name = 'viewer-away'")


async def test_a_path_that_sage_has_in_another_spelling_is_told(pool):
    sage(pool, "insert into permission (id, name, path) values ('hand-c', 'x', '/MADE_UP/list.ui')")

    with pytest.raises(AppError, match=r"/MADE_UP/list\.ui"):
        await load()


def test_a_database_that_refuses_ends_with_a_sentence(pool):
    admin = pool.mariadb.admin_connection()
    with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("revoke insert on sage.* from pipeline@localhost")
        try:
            with pytest.raises(SystemExit, match=r"load_path made_up: .*INSERT command denied"):
                register_paths(MODULE, any_=WANTED["any"])
        finally:
            cursor.execute("grant all on sage.* to pipeline@localhost")


def test_without_sages_tables_it_says_how_to_make_them(pool):
    sage(pool, "rename table role to role_away")
    try:
        with pytest.raises(SystemExit, match=r"role' doesn't exist.*manage\.py setup-sage"):
            register_paths(MODULE, any_=WANTED["any"])
    finally:
        sage(pool, "rename table role_away to role")


def test_what_sage_gives_to_everybody_is_told(pool, capsys):
    sage(pool, "insert into permission (id, name, path) values ('hand-w', 'x', '/main/made_up/**')")
    sage(pool, "insert into rolepermission values ('hand-w', 'logined', 'hand-w')")

    register_paths(MODULE, any_=WANTED["any"], roles={"owner.viewer": WANTED["owner.viewer"]})

    messages = capsys.readouterr().out.splitlines()
    assert messages[0] == "made_up: 2 rights, 2 added, 0 removed"
    assert "/main/made_up/**" in messages[1]
    assert "logined" in messages[1]
    assert len(messages) == 2
