"""
The fields of a request, checked against the models before anything is written.

Pages and API pass the same gate. All problems are collected and told at once; names that start
with `_` (and the few that our own pages add) are the page's and not fields.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from app.base.catalogue.fields import (
    NO_SUCH_RECORD,
    NOT_SETTABLE,
    REQUIRED,
    UNKNOWN_FIELD,
    WRITE_ONCE,
)
from app.base.catalogue.records import NOTHING_TO_CHANGE
from app.base.errors import FieldProblem
from app.base.refusals import InvalidFields
from app.schema.coercion import coerce, to_decimal
from app.schema.field_rules import CoercionError, FieldRule, JsonText
from app.schema.tables import Column, Table, table

__all__ = [
    "FieldRule",
    "JsonText",
    "check_delete",
    "check_new",
    "check_params",
    "check_references",
    "check_update",
    "difference",
    "is_page_name",
    "lock_parent",
    "rule_of",
    "to_decimal",
    "without_unchanged",
]

PAGE_NAMES = frozenset({"referer_widget"})
Extra = Mapping[str, FieldRule] | Iterable[str]


def is_page_name(name: str) -> bool:
    """Return whether a parameter is the page's own (`_webbricks_`, `referer_widget`, …), not a
    field."""
    return name.startswith("_") or name in PAGE_NAMES


@cache
def rule_of(table_name: str, column_name: str) -> FieldRule:
    """Return the rule of a column, as the checks use it; raises KeyError."""
    column = table(table_name).columns[column_name]
    return FieldRule(
        kind=column.kind,
        required=column.required,
        nullable=column.nullable,
        length=column.length,
        minimum=column.minimum,
        maximum=column.maximum,
        precision=column.precision or 38,
        scale=column.scale or 0,
        choices=column.choices,
        pattern=column.pattern,
        hint=column.hint,
        format=column.format,
        json=column.json or True,
        blank=column.kind == "text" or (not column.nullable and column.default == ""),
        identifier=column.references is not None,
    )


def check_new(table_name: str, params: Mapping[str, Any], *, extra: Extra = ()) -> dict[str, Any]:
    """
    Typed values for a new row out of *params*, with the defaults of the model filled in; None for
    what was not given, also where the column is not null and the caller has to fill it.

    *extra* names what the endpoint takes besides the columns a client may set: with a Rule the
    value is checked and answered too; a server-set column named there is treated like any other;
    other bare names are left to the caller. Raises InvalidFields with every problem.
    """
    model = table(table_name)
    values, problems = _collect(model, params, extra, skip=_blank_keys(params))
    _fill(_extras(extra), values, problems)
    fields = {problem.field for problem in problems}
    for name, column in model.columns.items():
        if column.server_set or values.get(name) is not None:
            continue
        if column.default is not None:
            values[name] = coerce(rule_of(table_name, name), column.default)
        else:
            # None also where the server fills in: a place, the time now.
            values[name] = None
            if column.required and name not in fields:
                problems.append(_required(name))
    return _answer(values, problems)


def check_update(
    table_name: str, params: Mapping[str, Any], *, extra: Extra = ()
) -> tuple[str, int | None, dict[str, Any]]:
    """
    Return the id, the lock_version that was read (None where the table lets it out) and the typed
    new values of the columns that were sent.

    Write-once columns come along: `without_unchanged` holds them against the row. Raises
    InvalidFields with every problem, BadRequest `nothing_to_change` when no field is named.
    """
    model = table(table_name)
    key, lock_version, problems = _key(model, params, lock_required=not model.lock_optional)
    values, own_problems = _collect(model, params, extra, skip={"id", "lock_version"})
    problems += own_problems
    _fill(_extras(extra), values, problems)
    for name, value in list(values.items()):
        column = model.columns.get(name)
        if value is None and column is not None and not column.nullable:
            if column.default == "":
                values[name] = ""
            else:
                problems.append(_required(name))
    _answer(values, problems)
    if not values and not extra:
        raise NOTHING_TO_CHANGE()
    return key, lock_version, values


def check_delete(
    table_name: str, params: Mapping[str, Any], *, extra: Extra = ()
) -> tuple[str, int | None, dict[str, Any]]:
    """Return the id and the lock_version (None when not sent) of a row to delete, and the checked
    values of *extra*; other columns may come along, as pages send them, and are left out."""
    model = table(table_name)
    key, lock_version, problems = _key(model, params, lock_required=False)
    extras = _extras(extra)
    own_params = {n: v for n, v in params.items() if n in extras or n not in model.columns}
    values, own_problems = _collect(model, own_params, extra, skip={"id", "lock_version"})
    problems += own_problems
    _fill(extras, values, problems)
    return key, lock_version, _answer(values, problems)


def check_params(
    spec: Mapping[str, FieldRule], params: Mapping[str, Any], *, strict: bool = False
) -> dict[str, Any]:
    """
    Typed values for the parameters that *spec* names; each is in the answer, with its rule's
    default (or None) when it was not sent. *strict* is for programs: see `coerce`; names with _ in
    front are then no page's. Raises InvalidFields, also for names not in *spec*.
    """
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for name, value in params.items():
        if is_page_name(name) and not strict:
            continue
        if name in spec:
            _take(name, spec[name], value, values, problems, strict=strict)
        else:
            problems.append(_unknown(name))
    _fill(spec, values, problems)
    return _answer(values, problems)


async def check_references(sor: Any, table_name: str, values: Mapping[str, Any]) -> None:
    """
    Look that every id in *values* exists, and keep it so until the transaction ends; '' is none.

    Raises InvalidFields naming all that do not.
    """
    problems = []
    for name, column in table(table_name).columns.items():
        value = values.get(name)
        if column.references is None or value in (None, ""):
            continue
        # So that nobody deletes the parent between this look and our commit.
        if not await lock_parent(sor, column.references, value):
            problems.append(NO_SUCH_RECORD(name, id=value, table=column.references))
    if problems:
        raise InvalidFields(problems)


async def lock_parent(sor: Any, table_name: str, record_id: str) -> bool:
    """
    Lock a row that others refer to until the transaction ends, and write it; whether it is there.

    A lock holds on the database node that it was taken on, and nowhere else. What two transactions
    on two nodes must not both do, they are told apart by when both commit: by a row that both have
    written.
    """
    # As `get_row` takes it: exactly this id. The first condition is for the index.
    exactly = "id = ${id}$ and id collate utf8mb4_bin = ${id}$"
    sql = f"update `{table_name}` set lock_no = lock_no + 1 where {exactly}"  # noqa: S608
    return bool(await sor.sqlExe(sql, {"id": record_id}))


def without_unchanged(
    table_name: str, current: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Return *values* without its write-once columns, which may be sent but only as they are in
    *current*.

    Raises InvalidFields for those that differ.
    """
    columns = table(table_name).columns
    fixed = [n for n in values if n in columns and columns[n].write_once]
    problems = [WRITE_ONCE(name) for name in fixed if values[name] != current[name]]
    if problems:
        raise InvalidFields(problems)
    return {name: value for name, value in values.items() if name not in fixed}


def difference(
    table_name: str, params: Mapping[str, Any], current: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """
    Return `{field, yours, current}` of each column in *params* that is otherwise in *current*; of
    values that fit the column only, since what was sent may be anything.
    """
    differing = []
    for name, column in table(table_name).columns.items():
        if name not in params or name not in current or column.server_set:
            continue
        try:
            yours = coerce(rule_of(table_name, name), params[name])
        except CoercionError:
            continue  # nothing that the field could be
        if yours != current[name]:
            differing.append({"field": name, "yours": yours, "current": current[name]})
    return differing


def _collect(
    model: Table, params: Mapping[str, Any], extra: Extra, *, skip: set[str]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    extras = _extras(extra)
    for name, value in params.items():
        if is_page_name(name) or name in skip:
            continue
        column = model.columns.get(name)
        if extras.get(name) is not None:
            _take(name, extras[name], value, values, problems)
        elif column is None:
            if name not in extras:
                problems.append(_unknown(name))
        elif column.server_set and name not in extras:
            problems.append(NOT_SETTABLE(name[:64]))
        else:
            _take(name, rule_of(model.name, name), value, values, problems)
    return values, problems


def _take(
    name: str,
    rule: FieldRule | None,
    value: Any,
    values: dict[str, Any],
    problems: list[FieldProblem],
    *,
    strict: bool = False,
) -> None:
    assert rule is not None
    if rule.required and isinstance(value, str) and value.isspace():
        value = None
    try:
        values[name] = coerce(rule, value, strict=strict)
    except CoercionError as exc:
        problems.append(exc.entry(name, exc.message))


def _fill(
    spec: Mapping[str, FieldRule | None], values: dict[str, Any], problems: list[FieldProblem]
) -> None:
    fields = {problem.field for problem in problems}
    for name, rule in spec.items():
        if rule is None or values.get(name) is not None:
            continue
        if rule.required and name not in fields:
            problems.append(_required(name))
        values[name] = rule.default


def _extras(extra: Extra) -> dict[str, FieldRule | None]:
    return dict(extra) if isinstance(extra, Mapping) else dict.fromkeys(extra)


def _blank_keys(params: Mapping[str, Any]) -> set[str]:
    # A form for a new record may carry the empty hidden fields of the form for changing one.
    blank = {name for name in ("id", "lock_version") if params.get(name) in (None, "", "null")}
    return blank | ({"lock_version"} if params.get("lock_version") in (1, "1") else set())


def _key(
    model: Table, params: Mapping[str, Any], *, lock_required: bool
) -> tuple[str, int | None, list[FieldProblem]]:
    column: Column = model.columns["id"]
    spec = {
        "id": FieldRule(kind="str", required=True, length=column.length),
        "lock_version": FieldRule(kind="int", required=lock_required, minimum=1),
    }
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for name, rule in spec.items():
        _take(name, rule, params.get(name), values, problems)
        if rule.required and values.get(name, "") is None:
            problems.append(_required(name))
    return values.get("id") or "", values.get("lock_version"), problems


def _required(name: str) -> FieldProblem:
    return REQUIRED(name)


def _unknown(name: str) -> FieldProblem:
    return UNKNOWN_FIELD(name[:64])


def _answer(values: dict[str, Any], problems: list[FieldProblem]) -> dict[str, Any]:
    if problems:
        raise InvalidFields(problems)
    return values
