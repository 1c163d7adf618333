"""Origins have one spelling."""

import pytest

from app.base.origins import read_origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://pipeline.example", ("https", "pipeline.example", 443)),
        ("HTTPS://Pipeline.Example:443/", ("https", "pipeline.example", 443)),
        ("http://pipeline.example:8080/a?b", ("http", "pipeline.example", 8080)),
        ("http://[2001:DB8::1]", ("http", "2001:db8::1", 80)),
        ("https://产线.example:8443", ("https", "xn--wlq758i.example", 8443)),
    ],
)
def test_an_origin_is_read(text, origin):
    assert read_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    ["", "null", "pipeline.example", "https://", "https://[::1", "ftp://x", "https://a:b",
     "https://a:99999", "https://me@pipeline.example", "https://..产"],
)  # fmt: skip
def test_what_is_none_is_none(text):
    assert read_origin(text) is None
