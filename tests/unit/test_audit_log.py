"""What Sage's audit log is given of a request."""

import threading

import pytest
from aiohttp.test_utils import make_mocked_request

from app.access import sage_audit as audit_log
from app.access.request_context import CONTEXT, RequestContext


@pytest.mark.parametrize("in_loop", [True, False])
async def test_large_parameters_are_gone_through_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch, in_loop: bool
):
    threads: list[int] = []

    def to_json(value: object) -> str:
        threads.append(threading.get_ident())
        return str(value)

    monkeypatch.setattr(audit_log, "to_json", to_json)
    request = make_mocked_request("POST", "/x")
    params = {"api_key": "hidden", "name": "x" * 70_000}
    request[CONTEXT] = RequestContext("id", "127.0.0.1", "en", is_for_programs=False, params=params)

    text = await audit_log._parameters(request, is_large=not in_loop)

    assert (threads == [threading.get_ident()]) is in_loop
    assert "hidden" not in text
    assert text.endswith("x…")
