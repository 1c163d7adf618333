"""Roles and paths mean what Sage means by them."""

import pytest
from hypothesis import given, strategies as st

from app.access.rbac import NOBODY_ROLES, covers, effective_roles, rights_of


def right(path, roleid="r1", orgtypeid="owner", name="admin", need_audit="0"):
    return {
        "id": f"p{path}",
        "path": path,
        "module": "sage",
        "roleid": roleid,
        "orgtypeid": orgtypeid,
        "name": name,
        "need_audit": need_audit,
    }


def test_a_role_counts_as_its_wildcards():
    roles = effective_roles(["owner.admin"], signed_in=True)

    assert roles == {"any", "logined", "owner.admin", "owner.*", "*.admin"}


def test_nobody_is_any_and_anonymous():
    assert {"any", "anonymous"} == NOBODY_ROLES


@pytest.mark.parametrize(
    ("registered", "path", "expected"),
    [
        ("/a/b.ui", "/a/b.ui", True),
        ("/a/b.ui", "/a/b.ui/", False),
        ("/a/**", "/a/b/c.dspy", True),
        ("/a/**", "/ab", False),
        ("/a/%", "/a/b", True),
        ("/main/a/b.ui", "/a/b.ui", True),
        ("/a/b.ui", "/main/a/b.ui", True),
        ("/main/main/a/b.ui", "/a/b.ui", True),
        ("/main/a/**", "/a/b.ui", True),
        ("/main/**", "/a/b.ui", True),
        ("/mainframe.ui", "/mainframe.ui", True),
        ("/mainframe.ui", "/frame.ui", False),
        ("/a**", "/ab.ui", True),
        ("/a%", "/ab.ui", True),
        ("/**", "/a", True),
        # Alone it is no path, in Sage neither.
        ("%", "/a", False),
        ("**", "/a", False),
        ("", "", False),
        # Only the last mark is one.
        ("/a/b*%", "/a/bc", False),
        ("/a/b%%", "/a/bc", False),
        ("/a/***", "/a/b", False),
        ("/a/*", "/a/b", False),
        ("/a%/b", "/ax/b", False),
        ("/A/b.ui", "/a/b.ui", False),
        ("/a/b.ui", "/a/c.ui", False),
    ],
)
def test_paths_are_exact_or_prefixes(registered, path, expected):
    rights = rights_of([right(registered)])

    assert rights.allows(effective_roles(["owner.admin"], signed_in=True), path) is expected
    assert covers(registered, path) is expected


@pytest.mark.parametrize(
    ("org_type", "name", "expected"),
    [("owner", "*", True), ("*", "admin", True), ("customer", "*", False), ("*", "viewer", False)],
)
def test_wildcard_roles_of_a_permission_match(org_type, name, expected):
    rights = rights_of([right("/a", orgtypeid=org_type, name=name)])

    assert rights.allows(effective_roles(["owner.admin"], signed_in=True), "/a") is expected


def test_what_is_not_registered_is_refused():
    assert not rights_of([]).allows(effective_roles(["owner.superuser"], signed_in=True), "/x")


def test_the_three_roles_of_everybody_go_by_their_id():
    rights = rights_of([right("/a", roleid="anonymous", orgtypeid=None, name=None)])

    assert rights.allows(NOBODY_ROLES, "/a")
    assert not rights.allows(effective_roles([], signed_in=True), "/a")


def test_several_permissions_on_one_path_add_up():
    rights = rights_of(
        [right("/a/b", name="one"), right("/a/**", name="two"), right("/main/a/b", name="three")]
    )

    assert rights.roles_for("/a/b") == {"owner.one", "owner.two", "owner.three"}
    assert rights.roles_for("/a/c") == {"owner.two"}


def test_a_role_without_an_organisation_type_is_of_type_0():
    rights = rights_of([right("/a", orgtypeid=None)])

    assert rights.roles_for("/a") == {"0.admin"}


def test_a_right_of_a_role_that_is_gone_is_nobodys():
    rights = rights_of([right("/a", orgtypeid=None, name=None)])

    assert not rights.allows(effective_roles(["owner.admin", "0.r1"], signed_in=True), "/a")


def test_a_permission_that_no_role_has_grants_nothing():
    rights = rights_of([right("/a", roleid=None, orgtypeid=None, name=None)])

    assert rights.roles_for("/a") == frozenset()


def test_audited_are_exact_paths_prefixes_and_what_no_role_has_by_itself():
    rights = rights_of(
        [
            right("/a/**", need_audit="1"),
            right("/a/b/%", need_audit="1"),
            right("/main/a/c", roleid=None, orgtypeid=None, name=None, need_audit="1"),
            right("/z"),
        ]
    )

    assert rights.audited_by("/a/c") == "p/main/a/c"
    assert rights.audited_by("/main/a/c") == "p/main/a/c"
    assert rights.audited_by("/a/b/x") == "p/a/b/%"
    assert rights.audited_by("/a/x") == "p/a/**"
    assert rights.audited_by("/z") is None


def test_what_callers_ask_for_does_not_fill_the_memory():
    rights = rights_of([right("/a/**")])
    roles = effective_roles(["owner.admin"], signed_in=True)

    for number in range(21_000):
        rights.allows(roles, f"/a/{number}")
    size = len(rights.decisions)
    fresh = rights_of([right("/a/**")])
    fresh.allows(roles, "/a/" + "x" * 8_000)

    assert size == 20_000
    assert fresh.decisions == {}


PIECES = st.lists(st.sampled_from(["/main", "/", "a", "b", "*", "**", "%", "."]), max_size=6)


@given(PIECES, PIECES)
def test_the_fast_table_and_the_rule_agree(registered, parts):
    path, request_path = "".join(registered), "".join(parts)

    may = bool(rights_of([right(path)]).roles_for(request_path))

    assert may is covers(path, request_path)
