"""The table of findings, remedies and attacks is complete, and fits today's sources."""

import ast
import re
from collections import Counter

import pytest

from tests.support.remedies import (
    DOCUMENT,
    ROOT,
    Remedy,
    changed_texts,
    document,
    findings,
    observations,
    remedies,
)

REMEDIES = remedies()


def test_every_item_and_every_finding_is_closed_by_a_remedy():
    closed = {finding for remedy in REMEDIES for finding in remedy.closes}
    known_ids = {finding for items in findings().values() for finding in items}

    assert known_ids - closed == set()
    assert closed - known_ids == set()


def test_the_list_of_findings_is_whole():
    count = {severity: len(items) for severity, items in findings().items()}

    assert count == {"kernel": 44, "critical": 26, "high": 46, "trap": 2, "later": 3}


def test_remedies_have_names_of_their_own():
    assert [name for name, n in Counter(remedy.id for remedy in REMEDIES).items() if n > 1] == []


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.id)
def test_a_remedy_has_tests_that_exist(remedy: Remedy):
    assert remedy.tests
    for test in remedy.tests:
        file, _, name = test.partition("::")
        defined = re.findall(
            r"^(?:async )?def (\w+)\(", (ROOT / file).read_text("utf-8"), re.MULTILINE
        )
        assert name in defined, test


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.id)
def test_a_remedy_can_be_taken_away_from_todays_sources(remedy: Remedy):
    """When this fails, the code has moved on: bring the change in remedies.toml to it."""
    assert bool(remedy.changes) is not bool(remedy.cannot)
    for path, text in changed_texts(remedy).items():
        assert text != path.read_text("utf-8")
        if path.suffix == ".py":
            ast.parse(text)


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.id)
def test_what_was_seen_without_it_is_written_down(remedy: Remedy):
    assert remedy.cannot or re.search(r"\w", observations().get(remedy.id, "")), (
        f"run py3/bin/python tests/attack/switched_off.py --record {remedy.id}"
    )


def test_the_document_is_what_the_lists_say():
    assert DOCUMENT.read_text("utf-8") == document(), (
        "run py3/bin/python tests/attack/switched_off.py --document"
    )
