"""Keys that try more than they may: other scopes, other lines, the real by the sandbox's."""

import pytest

from tests.support.installation import Installation
from tests.support.selling import Reseller, make_pipeline, make_reseller, post

DOORS = ("keys", "statements", "usage", "statement")
KEYS = "/pipeline_dist/api/distributor_key_create.dspy"


def attacker(server: Installation, owner: Reseller, **fields: object) -> Reseller:
    """Who has got hold of a key of *owner*'s."""
    body = {"distributor_id": owner.distributor["id"], "name": "lost", "scopes": "calls"}
    return Reseller(server, owner.distributor, post(server.admin, KEYS, **body | fields)["api_key"])


@pytest.mark.parametrize("door", DOORS)
def test_a_key_opens_nothing_beyond_its_scopes(server: Installation, door: str) -> None:
    thief = attacker(server, make_reseller(server))
    assert thief.get(door).json()["code"] == "scope_missing"
    new = {"name": "mine", "scopes": ["admin"]}
    assert thief.post("keys", new, key="1").json()["code"] == "scope_missing"


def test_a_key_makes_none_that_may_more(server: Installation) -> None:
    owner = make_reseller(server)
    thief = attacker(server, owner, scopes="admin")
    own = owner.get("keys").json()["rows"]
    (default,) = (row["id"] for row in own if row["name"] == "default")
    new = {"name": "more", "scopes": ["calls"]}
    assert thief.post("keys", new, key="1").json()["code"] == "beyond_own_key"
    rotation = {"key_id": default, "grace_hours": 0}
    assert thief.post("keys/rotate", rotation).json()["code"] == "beyond_own_key"
    assert owner.get("me").status_code == 200


def test_a_key_of_one_line_reaches_no_other(server: Installation) -> None:
    pipeline, other = make_pipeline(server.admin), make_pipeline(server.admin)
    owner = make_reseller(server, pipeline, other)
    thief = attacker(server, owner, pipelines=pipeline["code"])
    theirs = owner.begin(other).json()
    assert thief.begin(other).json()["code"] == "pipeline_not_found"
    assert thief.finish(theirs, "cancelled").json()["code"] == "call_not_found"
    assert owner.finish(theirs).status_code == 200


def test_a_key_of_the_sandbox_reaches_nothing_real(server: Installation) -> None:
    pipeline = make_pipeline(server.admin)
    owner = make_reseller(server, pipeline)
    thief = attacker(server, owner, sandbox=1, scopes="calls,read,finance,admin")
    theirs = owner.begin(pipeline).json()
    assert thief.finish(theirs, "cancelled").json()["code"] == "call_not_found"
    assert thief.get("calls", call_no=theirs["call_no"]).json()["code"] == "call_not_found"
    new = {"name": "real", "scopes": ["calls"]}
    assert thief.post("keys", new, key="1").json()["code"] == "beyond_own_key"
    assert owner.get("calls", call_no=theirs["call_no"]).json()["status"] == "reserved"
