"""
One page of a table, for the generated lists and for scripts.

Parameters: `page` (from 1), `rows` (default 80, at most 1,000), `sort` (`col`, `col desc`,
several, also `<code>_text`), `data_filter` (app/records/filters.py), and for any column `col=value`
(repeated: any of them; empty: no filter), `col_from` (included) and `col_to` (excluded) for times
and numbers, `q` (a text to find in any of the table's texts). All filters are joined by AND; a
name that means nothing here is refused. With `_export=csv` or `xlsx` the answer is a file with all
rows that the filters leave (app/endpoints/export.py): whoever may see a list may take it along.

Of the audit trail nobody sees entries about a table with personal columns whose list he may not
see.
"""

from collections.abc import Mapping
from typing import Any

from app.access.permissions import withheld_tables
from app.access.user_names import USER_COLUMNS, add_names
from app.base.errors import BadRequest, Message
from app.db.sqlor import sort_terms, whole_number
from app.db.transactions import reading
from app.endpoints.export import Selection, export_rows
from app.records import trail as audit
from app.records.filters import (
    LIKES,
    LISTS,
    NULLS,
    Condition,
    Group,
    Node,
    Placed,
    any_case,
    bad_filter,
    has_rare_letters,
    like_pattern,
    parse_filter,
    render_filter,
)
from app.records.hooks import check_rows
from app.schema.coercion import CoercionError, FieldRule, coerce
from app.schema.tables import Column, Table, table
from app.schema.validation import is_page_name

ROWS = 80
MAX_ROWS = 1000
MAX_SORT_TERMS = 8
MAX_SEARCH_CHARACTERS = 200
_OWN = frozenset({"page", "rows", "sort", "data_filter", "q"})
_RANGES = {"_from": ">=", "_to": "<"}
_RANGE_KINDS = frozenset({"int", "bigint", "decimal", "datetime", "date"})


async def list_rows(
    request: Any, params: Mapping[str, Any], module: str, table_name: str, sort: Any = "id desc"
) -> Any:
    """
    `{total, rows}` of *table_name* as *params* ask for it, sorted by *sort* unless they say.

    Rows carry every column that may leave the server and `<code>_text` for each column whose
    values are ids of another table or of users. Raises BadRequest `bad_paging`, `bad_sort`,
    `bad_filter`, `bad_export`.
    """
    made = table(table_name)
    if made.module != module:
        raise ValueError(f"{table_name} is not a table of {module}")
    withheld = await withheld_tables(request) if table_name == audit.TABLE else []
    selection = _selection(made, params, sort, withheld)
    if params.get("_export"):
        return await export_rows(request, params, selection)
    page = whole_number(_one(params, "page", 1), "page", 1, 10**9)
    size = whole_number(_one(params, "rows", ROWS), "rows", 1, MAX_ROWS)
    async with reading() as sor:
        total = await selection.count(sor)
        rows = await selection.page(sor, (page - 1) * size, size) if total else []
    await add_names(made, rows)
    check_rows(table_name, rows)
    return {"total": total, "rows": rows}


def _selection(
    made: Table, params: Mapping[str, Any], default_sort: Any, withheld: list[str]
) -> Selection:
    """*withheld*: tables whose entries in the audit trail are not for the caller."""
    order = _order_by(made, params.get("sort") or default_sort)
    node = _conditions(made, params)
    if withheld:
        seen: Node = Condition("table_name", "NOT IN", withheld)
        node = Group("AND", (seen, node)) if node else seen
    where, values = render_filter(node, lambda found: _place(made, found)) if node else ("", {})
    shown = [f"a.`{name}`" for name, column in made.columns.items() if not column.confidential]
    joins = ""
    for number, code in enumerate(made.codes):
        shown.append(f"c{number}.`{code.textfield}` as `{code.field}_text`")
        # `cond` is the model's own text, not a request's.
        cond = f" and {code.cond}" if code.cond else ""
        joins += (
            f" left join `{code.table}` c{number}"
            f" on c{number}.`{code.valuefield}` = a.`{code.field}`{cond}"
        )
    # A total needs the joined tables only when a filter looks at their texts.
    count_joins = joins if any(f"c{n}." in where for n in range(len(made.codes))) else ""
    return Selection(made, shown, joins, count_joins, where, order, values)


def _one(params: Mapping[str, Any], name: str, default: int) -> Any:
    value = params.get(name)
    return default if value is None or value == "" else value


def _expression(made: Table, name: str) -> str | None:
    """The SQL of a column or of a code's text; None when there is no such thing to be seen."""
    column = made.columns.get(name)
    if column is not None:
        return None if column.confidential else f"a.`{name}`"
    for number, code in enumerate(made.codes):
        if name == f"{code.field}_text":
            return f"c{number}.`{code.textfield}`"
    return None


def _order_by(made: Table, sort: Any) -> str:
    terms = sort_terms(sort)
    if len(terms) > MAX_SORT_TERMS:
        raise BadRequest("bad_sort", "Sort by at most {count} columns.", count=MAX_SORT_TERMS)
    order = []
    for name, down in terms:
        found = _expression(made, name)
        if found is None:
            raise BadRequest(
                "bad_sort", "{table} has no column {name}.", table=made.name, name=name
            )
        order.append(f"{found}{' desc' if down else ''}")
    if not any(name in made.primary for name, _ in terms):
        # Without a last word, rows with equal values could change places between two pages.
        order += [f"a.`{key}`{' desc' if terms[-1][1] else ''}" for key in made.primary]
    return ", ".join(order)


def _conditions(made: Table, params: Mapping[str, Any]) -> Node | None:
    filtered, used = parse_filter(params.get("data_filter"), params)
    parts: list[Node] = [] if filtered is None else [filtered]
    for name, value in params.items():
        if is_page_name(name) or name in _OWN or name in used:
            continue
        condition = _named_condition(made, name, value)
        if condition is not None:
            parts.append(condition)
    if (searched := _searched(made, params.get("q"))) is not None:
        parts.append(searched)
    return Group("AND", tuple(parts)) if parts else None


def _searched(made: Table, wanted: Any) -> Node | None:
    """What `q` means: the text in any of the columns that people read as text."""
    if wanted is None or wanted == "":
        return None
    if not isinstance(wanted, str) or len(wanted) > MAX_SEARCH_CHARACTERS:
        raise BadRequest(
            "bad_search", "Give one text of at most {most} characters.", most=MAX_SEARCH_CHARACTERS
        )
    pattern = like_pattern(wanted.strip())
    names = [name for name, column in made.columns.items() if _is_read_as_text(made, column)]
    names += [f"{code.field}_text" for code in made.codes]
    return Group("OR", tuple(Condition(name, "LIKE", pattern) for name in names))


def _is_read_as_text(made: Table, column: Column) -> bool:
    if column.confidential or column.kind not in ("str", "text") or column.choices:
        return False
    is_key = column.name in made.primary or column.name in USER_COLUMNS
    return not is_key and column.references is None and made.code(column.name) is None


def _named_condition(made: Table, name: str, value: Any) -> Condition | None:
    base, op = name, "="
    if _expression(made, name) is None:
        base, op = _range(made, name)
    wanted = value if isinstance(value, list) else [value]
    wanted = [item for item in wanted if item is not None and item != ""]
    if not wanted:
        return None
    if op != "=" and len(wanted) > 1:
        raise bad_filter("Give {name} once.", name=name)
    return Condition(base, op, wanted[0]) if len(wanted) == 1 else Condition(base, "IN", wanted)


def _range(made: Table, name: str) -> tuple[str, str]:
    for suffix, op in _RANGES.items():
        base = name.removesuffix(suffix)
        column = made.columns.get(base)
        if base != name and column is not None and column.kind in _RANGE_KINDS:
            return base, op
    raise _no_column(made, name)


def _place(made: Table, condition: Condition) -> Placed:
    expression = _expression(made, condition.field)
    if expression is None:
        raise _no_column(made, condition.field)
    column = made.columns.get(condition.field)
    if condition.op in NULLS:
        return expression, None
    textual = column is None or column.kind in ("str", "text", "json")
    if condition.op in LIKES and not textual:
        raise bad_filter(
            "{op} works on texts only, not on {field}.", op=condition.op, field=condition.field
        )
    value = (
        [_typed(condition, column, item) for item in condition.value]
        if condition.op in LISTS
        else _typed(condition, column, condition.value)
    )
    if textual and _ignores_case(made, condition, value):
        return any_case(expression, value)
    return expression, value


def _ignores_case(made: Table, condition: Condition, value: Any) -> bool:
    """
    Whether the column's own collation would compare *value* otherwise than a reader does.

    In a list nobody knows whether a code was written in capitals, or a name with its accents.
    """
    collation = _text_column(made, condition.field).collation
    if condition.op in LIKES:
        return collation is not None or has_rare_letters(value)
    return collation is None and has_rare_letters(value)


def _text_column(made: Table, name: str) -> Column:
    """The column *name*, or the one of another table that is shown as `<code>_text`."""
    if name in made.columns:
        return made.columns[name]
    (code,) = [code for code in made.codes if f"{code.field}_text" == name]
    return table(code.table).columns[code.textfield]


def _typed(condition: Condition, column: Column | None, value: Any) -> Any:
    kind = "text" if column is None or column.kind in ("str", "text", "json") else column.kind
    rule = FieldRule(kind="bigint" if kind == "int" else kind, precision=65, scale=30, blank=True)
    try:
        found = coerce(rule, value)
    except CoercionError as exc:
        raise _refused(condition.field, exc) from None
    if found is None:
        raise bad_filter("The filter on {field} has no value.", field=condition.field)
    return found


def _refused(field: str, exc: CoercionError) -> BadRequest:
    return bad_filter(
        "The filter on {field} does not fit: {why}",
        field=field,
        why=Message(exc.template, **exc.params),
    )


def _no_column(made: Table, name: str) -> BadRequest:
    return bad_filter("{table} has no column {name} to filter by.", table=made.name, name=name[:64])
