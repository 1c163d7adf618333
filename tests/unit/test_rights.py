"""Roles and paths mean what Sage means by them."""

import pytest

from app.sage_rbac import NOBODY_ROLES, _rights_of, effective_roles


def right(path, roleid="r1", orgtypeid="owner", name="admin", need_audit="0"):
    return {
        "id": f"p{path}",
        "path": path,
        "roleid": roleid,
        "orgtypeid": orgtypeid,
        "name": name,
        "need_audit": need_audit,
    }


def test_a_role_counts_as_its_wildcards():
    roles = effective_roles(["owner.admin"], signed_in=True)

    assert roles == {"any", "logined", "owner.admin", "owner.*", "*.admin"}


def test_nobody_is_any_and_anonymous():
    assert NOBODY_ROLES == {"any", "anonymous"}


@pytest.mark.parametrize(
    ("registered", "path", "allowed"),
    [
        ("/a/b.ui", "/a/b.ui", True),
        ("/a/b.ui", "/a/b.ui/", False),
        ("/a/**", "/a/b/c.dspy", True),
        ("/a/**", "/ab", False),
        ("/a/%", "/a/b", True),
        ("/main/a/b.ui", "/a/b.ui", True),
        ("/a/b.ui", "/main/a/b.ui", True),
        ("/a/b.ui", "/a/c.ui", False),
    ],
)
def test_paths_are_exact_or_prefixes(registered, path, allowed):
    rights = _rights_of([right(registered)])

    assert rights.allows(effective_roles(["owner.admin"], signed_in=True), path) is allowed


@pytest.mark.parametrize(
    ("org_type", "name", "allowed"),
    [("owner", "*", True), ("*", "admin", True), ("customer", "*", False), ("*", "viewer", False)],
)
def test_wildcard_roles_of_a_permission_match(org_type, name, allowed):
    rights = _rights_of([right("/a", orgtypeid=org_type, name=name)])

    assert rights.allows(effective_roles(["owner.admin"], signed_in=True), "/a") is allowed


def test_what_is_not_registered_is_refused():
    assert not _rights_of([]).allows(effective_roles(["owner.superuser"], signed_in=True), "/x")


def test_the_three_roles_of_everybody_go_by_their_id():
    rights = _rights_of([right("/a", roleid="anonymous", orgtypeid=None, name=None)])

    assert rights.allows(NOBODY_ROLES, "/a")
    assert not rights.allows(effective_roles([], signed_in=True), "/a")
