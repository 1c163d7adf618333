"""The metered items of a call, as they are reported: checked once, for the API and for pages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.global_func import AppError, FieldProblem, FieldRule, InvalidFields, check_params
from pipeline_ops.errors import LINE_NOT_AN_OBJECT, NOT_A_LIST, TOO_MANY_LINES

MAX_LINES = 1000

_STEP_KEY = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)?")
# Control characters are named though no value has them: the pattern stands in the API's document.
_UNIT = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]+")
LINE_RULES = {
    "step_key": FieldRule(kind="str", length=64, pattern=_STEP_KEY, default=""),
    "model": FieldRule(kind="str", length=128, default=""),
    "unit": FieldRule(kind="str", required=True, length=32, pattern=_UNIT),
    "quantity": FieldRule(kind="decimal", required=True, minimum=0, precision=18, scale=6),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """So much of one unit was used, by one step with one model; '' where it is not told."""

    step_key: str = ""
    model: str = ""
    unit: str
    quantity: Decimal

    @classmethod
    def of(cls, item: "UsageLine | Mapping[str, Any]") -> "UsageLine":
        """Return *item* itself, or made from a mapping whose values are checked already."""
        if isinstance(item, UsageLine):
            return item
        return cls(
            step_key=item.get("step_key") or "",
            model=item.get("model") or "",
            unit=item["unit"],
            quantity=Decimal(item["quantity"]),
        )


def check_lines(value: Any, *, field: str = "lines") -> list[UsageLine]:
    """
    Return the usage lines in *value*, a list of {step_key?, model?, unit, quantity}.

    Raises InvalidFields with every problem of every line, at `lines/<i>/<name>`.
    """
    if not isinstance(value, list):
        raise InvalidFields([NOT_A_LIST(field)])
    if len(value) > MAX_LINES:
        raise InvalidFields([TOO_MANY_LINES(field, limit=MAX_LINES)])
    lines: list[UsageLine] = []
    problems: list[FieldProblem] = []
    for number, item in enumerate(value):
        place = f"{field}/{number}"
        if not isinstance(item, Mapping):
            problems.append(LINE_NOT_AN_OBJECT(place))
            continue
        try:
            lines.append(UsageLine.of(check_params(LINE_RULES, item)))
        except AppError as exc:
            for problem in exc.problems:
                problem.field = f"{place}/{problem.field}"
                problems.append(problem)
    if problems:
        raise InvalidFields(problems)
    return lines


def usage_lines(lines: Sequence[UsageLine | Mapping[str, Any]] | None) -> list[UsageLine]:
    """Return *lines* as UsageLine objects, in the order given; none for None."""
    return [UsageLine.of(line) for line in lines or ()]
