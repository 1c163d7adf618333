"""References that follow a step to another code, and which step one is in another definition."""

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pipeline_core.definition.identity import other_keys, with_ids
from pipeline_core.definition.reference_changes import references, with_new_key
from pipeline_core.definition.references import Places

KEYS = ("a", "b", "a.x", "b-1")


def places(*keys: str) -> Places:
    return Places([{"step_key": key, "stage": 1, "enabled": True} for key in keys])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("steps.a", "steps.z"),
        ("steps.a.text", "steps.z.text"),
        ("steps.a[0].text", "steps.z[0].text"),
        (" $.steps.a.text ", " $.steps.z.text "),
        ("${steps.a.text}", "${steps.z.text}"),
        ("$steps.a", "$steps.z"),
        ("{{ steps.a.text }}", "{{ steps.z.text }}"),
        ("{{steps.a}}, {{input.a}}, {{steps.a.b}}", "{{steps.z}}, {{input.a}}, {{steps.z.b}}"),
        ("{{steps.a}}{{steps.a}}", "{{steps.z}}{{steps.z}}"),
        ("steps.a.x.text", "steps.a.x.text"),  # the step a.x
        ("steps.ab", "steps.ab"),
        ("input.a", "input.a"),
        ("words on steps.a", "words on steps.a"),
        ("", ""),
    ],
)  # fmt: skip
def test_an_input_follows_its_step(before: str, after: str) -> None:
    config = {"inputs": {"i": before}}

    assert with_new_key(config, places(*KEYS), "a", "z") == {"inputs": {"i": after}}


def test_placeholders_follow_at_any_depth_and_nothing_else_changes() -> None:
    config = {
        "prompt": "{{steps.a.t}} {{a}} steps.a.t",
        "body": {"steps.a": ["{{ steps.a }}", 1, None, {"x": "{{steps.b}}"}]},
        "inputs": {"a": "steps.b.t"},
    }

    assert with_new_key(config, places(*KEYS), "a", "z") == {
        "prompt": "{{steps.z.t}} {{a}} steps.a.t",
        "body": {"steps.a": ["{{ steps.z }}", 1, None, {"x": "{{steps.b}}"}]},
        "inputs": {"a": "steps.b.t"},
    }


def test_a_name_of_the_steps_own_inputs_is_no_reference() -> None:
    config = {"prompt": "{{steps.a}}", "inputs": {"steps": "steps.a.t"}}

    assert with_new_key(config, places(*KEYS), "a", "z") == {
        "prompt": "{{steps.a}}",
        "inputs": {"steps": "steps.z.t"},
    }


@pytest.mark.parametrize("config", [None, [], "steps.a", {"inputs": ["steps.a"]}, {"inputs": None}])
def test_what_is_no_configuration_stays(config: Any) -> None:
    assert with_new_key(config, places(*KEYS), "a", "z") == config


_TEXTS = st.lists(
    st.sampled_from(
        ["steps.a", "{{steps.a.x.y}}", "{{ steps.b }}", "${steps.a.x}", "$", " ", "input.q",
         "{{input.q}}"]
    ),
    max_size=3,
).map("".join)  # fmt: skip
_CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "inputs": st.dictionaries(st.sampled_from(["i", "j", "steps"]), _TEXTS, max_size=2),
        "prompt": _TEXTS,
        "body": st.recursive(
            _TEXTS | st.integers(),
            lambda part: st.lists(part, max_size=2) | st.dictionaries(_TEXTS, part, max_size=2),
            max_leaves=4,
        ),
    },
)  # fmt: skip


@settings(deadline=None)
@given(_CONFIGS, st.sampled_from(KEYS))
def test_every_reference_means_the_same_step_afterwards(config: dict[str, Any], old: str) -> None:
    new = "quite-new"
    before = references(config, places(*KEYS))

    after = references(
        with_new_key(config, places(*KEYS), old, new),
        places(*(new if key == old else key for key in KEYS)),
    )

    assert [(ref.field, ref.step_key) for ref in after] == [
        (ref.field, new if ref.step_key == old else ref.step_key) for ref in before
    ]


def definition(**ids: str | None) -> dict[str, Any]:
    return {
        "steps": [
            {"step_key": key} if row_id is None else {"step_key": key, "id": row_id}
            for key, row_id in ids.items()
        ]
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, {}),
        ({"a": "1"}, {"b": "1"}, {"a": "b"}),
        ({"a": "1"}, {"b": "2"}, {"a": None}),
        ({"a": "1"}, {"a": "2"}, {}),  # another row, and the price means its code
        ({"a": "1"}, {"b": "1", "a": "2"}, {"a": "b"}),
        ({"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": "b", "b": "a"}),
        # The code of a step that is gone, taken over by another one.
        ({"a": "1", "b": "2"}, {"b": "1"}, {"a": "b", "b": None}),
        ({"a": "1", "b": None}, {"b": "1"}, {"a": "b", "b": None}),
        ({"a": None}, {"a": "1"}, {}),
        ({"a": None}, {"b": "1"}, {"a": None}),
        ({"a": "1"}, {"a": None}, {}),
    ],
)
def test_a_step_is_known_by_its_row(
    before: dict[str, str | None], after: dict[str, str | None], expected: dict[str, str | None]
) -> None:
    assert other_keys(definition(**before), definition(**after)) == expected


def test_ids_are_filled_in_where_there_are_none() -> None:
    assert with_ids(definition(a=None, b="2", c=None), {"a": "1", "b": "9"}) == definition(
        a="1", b="2", c=None
    )
