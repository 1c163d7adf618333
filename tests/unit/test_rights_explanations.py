"""The reasons that are told are the rule that the guard applies."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from app.access import explain as rights_explained
from app.access.explain import Facts, User, what_may, who_may
from app.access.explain_text import MAX_ROWS, explain_what_may, explain_who_may
from app.access.paths import OPEN_PATHS, Target
from app.access.rbac import NOBODY_ROLES, effective_roles, rights_of
from app.base.errors import NotFound
from app.server import guard

ROLE_IDS = ("any", "logined", "anonymous", "r1", "r2", "r3")
PATHS = ("/a", "/a/b", "/a/b.ui", "/main/a", "/a/**", "/a/%", "/**", "%", "/b", "/main/**", "")
NAMES = ("*", "admin", "viewer", "owner", "customer")


def row(number: int, path: str, role_id: str | None, role: tuple[str, str] | None) -> dict:
    # Without a right there is no role, as the left joins of the query have it.
    org_type, name = role if role and role_id else (None, None)
    return {
        "id": f"p{number}",
        "path": path,
        "module": "sage",
        "need_audit": "0",
        "roleid": role_id,
        "orgtypeid": org_type,
        "name": name,
    }


def facts_of(rows: list[dict], users: tuple[User, ...] = ()) -> Facts:
    return Facts(rights_explained._permissions(rows), users)


def user(*roles: str, enabled: bool = True) -> User:
    return User("u1", "wang", "0", enabled, tuple(sorted(roles)))


def nothing(path: str) -> None:
    return None


ROLES = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))
ROWS = st.lists(
    st.tuples(
        st.sampled_from(PATHS),
        st.one_of(st.none(), st.sampled_from(ROLE_IDS)),
        st.one_of(st.none(), ROLES),
    ),
    max_size=8,
)


@given(ROWS, st.lists(ROLES, max_size=3), st.sampled_from(["/a", "/a/b", "/a/b.ui", "/b", "/c"]))
def test_who_is_told_to_may_is_who_may(rows, roles, path):
    grants = [row(number, *item) for number, item in enumerate(rows)]
    rights = rights_of(grants)
    wang = user(*{f"{org_type}.{name}" for org_type, name in roles})
    facts = facts_of(grants, (wang,))

    one = what_may(facts, "wang", path, nothing)
    everyone = who_may(facts, path, nothing)
    permissions = what_may(facts, "wang", None, nothing)["permissions"]

    may = rights.allows(effective_roles(wang.roles, signed_in=True), path)
    assert one["allowed"] is may
    assert bool(one["because"]) is may
    assert bool(everyone["users"]) is may
    assert everyone["anonymous"] is rights.allows(NOBODY_ROLES, path)
    covering = {item["permission"] for item in everyone["permissions"]}
    assert any(item["permission"] in covering for item in permissions) is may


def test_a_disabled_user_may_nothing_whatever_his_roles():
    facts = facts_of([row(1, "/a", "any", None)], (user("owner.admin", enabled=False),))

    answer = what_may(facts, "wang", "/a", nothing)

    assert (answer["allowed"], answer["reason"]) == (False, "disabled")
    assert who_may(facts, "/a", nothing)["users"] == []


@pytest.mark.parametrize(
    ("rows", "path", "reason"),
    [
        ([], "/a", "not_registered"),
        ([row(1, "/a", None, None)], "/a", "no_role"),
        ([row(1, "/a", "gone", None)], "/a", "no_role"),
        ([row(1, "/a", "r1", ("owner", "chief"))], "/a", "not_his_roles"),
        ([row(1, "/**", "any", None)], "//a", "no_such_spelling"),
        ([], "/healthz", "open"),
        ([row(1, "/a", "r1", ("owner", "*"))], "/a", "granted"),
    ],
)
def test_the_reason_is_told(rows, path, reason):
    answer = what_may(facts_of(rows, (user("owner.admin"),)), "wang", path, nothing)

    assert answer["reason"] == reason
    for lang in ("zh", "en"):
        result = [section.sentence for section in explain_what_may(answer, lang)]
        assert all("{" not in sentence for sentence in result)
    assert result[0].startswith("Yes" if answer["allowed"] else "No")


def test_a_folder_is_decided_by_its_index():
    index = Target(Path("/x/a/index.ui"), "/a/index.ui", ".ui", False, 1)
    facts = facts_of([row(1, "/a", "any", None)], (user(),))

    answer = who_may(facts, "/a", {"/a": index}.get)

    assert (answer["decided_by"], answer["reason"]) == ("/a/index.ui", "not_registered")


def test_the_exact_permission_comes_first_then_the_longest_prefix():
    rows = [row(1, "/**", "any", None), row(2, "/a/**", "any", None), row(3, "/a/b", "any", None)]

    answer = who_may(facts_of(rows), "/a/b", nothing)

    assert [item["registered"] for item in answer["permissions"]] == ["/a/b", "/a/**", "/**"]


def test_a_name_in_another_spelling_is_no_user_and_is_suggested():
    facts = facts_of([], (user(),))

    with pytest.raises(NotFound, match="did you mean wang"):
        facts.user("Wang")
    with pytest.raises(NotFound, match="no user li"):
        facts.user("li")


def test_of_very_many_users_the_first_are_shown():
    many = tuple(User(f"u{n}", f"name{n}", "0", True, ("owner.admin",)) for n in range(500))
    answer = who_may(facts_of([row(1, "/a", "logined", None)], many), "/a", nothing)

    sections = explain_who_may(answer, "en")

    assert len(answer["users"]) == 500
    assert max(len(section.rows) for section in sections) == MAX_ROWS
    assert sections[-1].sentence == "… and 300 more."


def test_the_paths_that_ask_no_permission_are_the_guards():
    assert set(guard._OPEN_HANDLERS) == OPEN_PATHS
