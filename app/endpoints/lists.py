"""
One page of a table, for the generated lists and for scripts.

Parameters: `page` (from 1), `rows` (default 80, at most 1,000), `sort` (`col`, `col desc`,
several, also `<code>_text`), `data_filter` (app/records/filters.py), and for any column `col=value`
(repeated: any of them; empty: no filter), `col_from` (included) and `col_to` (excluded) for times
and numbers, `q` (a text to find in any of the table's texts). All filters are joined by AND; a
name that means nothing here is refused. With `_export=csv` or `xlsx` the answer is a file with all
rows that the filters leave (app/endpoints/export.py): whoever may see a list may take it along.

Of the audit trail nobody sees entries about a table with personal columns whose list they may not
see.
"""

from collections.abc import Mapping
from typing import Any

from app.access.permissions import withheld_tables
from app.access.user_names import USER_COLUMNS, add_names
from app.base.catalogue.records import (
    BAD_SEARCH,
    FILTER_COLUMN_UNKNOWN,
    FILTER_NAME_TWICE,
    FILTER_NOT_TEXT,
    FILTER_VALUE_MISFIT,
    FILTER_WITHOUT_VALUE,
    SORT_COLUMN_UNKNOWN,
    TOO_MANY_SORT_COLUMNS,
)
from app.base.errors import AppError
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
    has_rare_letters,
    like_pattern,
    parse_filter,
    render_filter,
)
from app.records.table_service import mark_rows
from app.schema.coercion import coerce
from app.schema.field_rules import CoercionError, FieldRule
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
    Return `{total, rows}` of *table_name* as *params* ask for it, sorted by *sort* unless they say.

    Rows carry every column that may leave the server and `<code>_text` for each column whose
    values are ids of another table or of users. Raises BadRequest `bad_paging`, `bad_sort`,
    `bad_filter`, `bad_export`.
    """
    model = table(table_name)
    if model.module != module:
        raise ValueError(f"{table_name} is not a table of {module}")
    withheld = await withheld_tables(request) if table_name == audit.TABLE else []
    selection = _selection(model, params, sort, withheld)
    if params.get("_export"):
        return await export_rows(request, params, selection)
    page = whole_number(_one(params, "page", 1), "page", 1, 10**9)
    size = whole_number(_one(params, "rows", ROWS), "rows", 1, MAX_ROWS)
    async with reading() as sor:
        total = await selection.count(sor)
        rows = await selection.page(sor, (page - 1) * size, size) if total else []
    await add_names(model, rows)
    mark_rows(table_name, rows)
    return {"total": total, "rows": rows}


def _selection(
    model: Table, params: Mapping[str, Any], default_sort: Any, withheld: list[str]
) -> Selection:
    """Return *withheld*: tables whose entries in the audit trail are not for the caller."""
    order = _order_by(model, params.get("sort") or default_sort)
    node = _conditions(model, params)
    if withheld:
        visible: Node = Condition("table_name", "NOT IN", withheld)
        node = Group("AND", (visible, node)) if node else visible
    where, values = (
        render_filter(node, lambda condition: _place(model, condition)) if node else ("", {})
    )
    columns = [f"a.`{name}`" for name, column in model.columns.items() if not column.confidential]
    joins = ""
    for number, code in enumerate(model.codes):
        columns.append(f"c{number}.`{code.textfield}` as `{code.field}_text`")
        # `cond` is the model's own text, not a request's.
        cond = f" and {code.cond}" if code.cond else ""
        joins += (
            f" left join `{code.table}` c{number}"
            f" on c{number}.`{code.valuefield}` = a.`{code.field}`{cond}"
        )
    # A total needs the joined tables only when a filter looks at their texts.
    count_joins = joins if any(f"c{n}." in where for n in range(len(model.codes))) else ""
    return Selection(model, columns, joins, count_joins, where, order, values)


def _one(params: Mapping[str, Any], name: str, default: int) -> Any:
    value = params.get(name)
    return default if value is None or value == "" else value


def _expression(model: Table, name: str) -> str | None:
    """Return the SQL of a column or of a code's text; None when there is no such thing to be
    seen."""
    column = model.columns.get(name)
    if column is not None:
        return None if column.confidential else f"a.`{name}`"
    for number, code in enumerate(model.codes):
        if name == f"{code.field}_text":
            return f"c{number}.`{code.textfield}`"
    return None


def _order_by(model: Table, sort: Any) -> str:
    terms = sort_terms(sort)
    if len(terms) > MAX_SORT_TERMS:
        raise TOO_MANY_SORT_COLUMNS(count=MAX_SORT_TERMS)
    order = []
    for name, down in terms:
        expression = _expression(model, name)
        if expression is None:
            raise SORT_COLUMN_UNKNOWN(table=model.name, name=name)
        order.append(f"{expression}{' desc' if down else ''}")
    if not any(name in model.primary for name, _ in terms):
        # Without a last word, rows with equal values could change places between two pages.
        order += [f"a.`{key}`{' desc' if terms[-1][1] else ''}" for key in model.primary]
    return ", ".join(order)


def _conditions(model: Table, params: Mapping[str, Any]) -> Node | None:
    node, names = parse_filter(params.get("data_filter"), params)
    parts: list[Node] = [] if node is None else [node]
    for name, value in params.items():
        if is_page_name(name) or name in _OWN or name in names:
            continue
        condition = _named_condition(model, name, value)
        if condition is not None:
            parts.append(condition)
    if (searched := _search_condition(model, params.get("q"))) is not None:
        parts.append(searched)
    return Group("AND", tuple(parts)) if parts else None


def _search_condition(model: Table, text: Any) -> Node | None:
    """Return what `q` means: the text in any of the columns that people read as text."""
    if text is None or text == "":
        return None
    if not isinstance(text, str) or len(text) > MAX_SEARCH_CHARACTERS:
        raise BAD_SEARCH(most=MAX_SEARCH_CHARACTERS)
    pattern = like_pattern(text.strip())
    names = [name for name, column in model.columns.items() if _is_read_as_text(model, column)]
    names += [f"{code.field}_text" for code in model.codes]
    return Group("OR", tuple(Condition(name, "LIKE", pattern) for name in names))


def _is_read_as_text(model: Table, column: Column) -> bool:
    if column.confidential or column.kind not in ("str", "text") or column.choices:
        return False
    is_key = column.name in model.primary or column.name in USER_COLUMNS
    return not is_key and column.references is None and model.code(column.name) is None


def _named_condition(model: Table, name: str, value: Any) -> Condition | None:
    base, op = name, "="
    if _expression(model, name) is None:
        base, op = _range(model, name)
    values = value if isinstance(value, list) else [value]
    values = [item for item in values if item is not None and item != ""]
    if not values:
        return None
    if op != "=" and len(values) > 1:
        raise FILTER_NAME_TWICE(name=name)
    return Condition(base, op, values[0]) if len(values) == 1 else Condition(base, "IN", values)


def _range(model: Table, name: str) -> tuple[str, str]:
    for suffix, op in _RANGES.items():
        base = name.removesuffix(suffix)
        column = model.columns.get(base)
        if base != name and column is not None and column.kind in _RANGE_KINDS:
            return base, op
    raise _no_column(model, name)


def _place(model: Table, condition: Condition) -> Placed:
    expression = _expression(model, condition.field)
    if expression is None:
        raise _no_column(model, condition.field)
    column = model.columns.get(condition.field)
    if condition.op in NULLS:
        return expression, None
    textual = column is None or column.kind in ("str", "text", "json")
    if condition.op in LIKES and not textual:
        raise FILTER_NOT_TEXT(op=condition.op, field=condition.field)
    value = (
        [_coerce_value(condition, column, item) for item in condition.value]
        if condition.op in LISTS
        else _coerce_value(condition, column, condition.value)
    )
    if textual and _ignores_case(model, condition, value):
        return any_case(expression, value)
    return expression, value


def _ignores_case(model: Table, condition: Condition, value: Any) -> bool:
    """
    Return whether the column's own collation would compare *value* otherwise than a reader does.

    In a list nobody knows whether a code was written in capitals, or a name with its accents.
    """
    collation = _text_column(model, condition.field).collation
    if condition.op in LIKES:
        return collation is not None or has_rare_letters(value)
    return collation is None and has_rare_letters(value)


def _text_column(model: Table, name: str) -> Column:
    """Return the column *name*, or the one of another table that is shown as `<code>_text`."""
    if name in model.columns:
        return model.columns[name]
    (code,) = [code for code in model.codes if f"{code.field}_text" == name]
    return table(code.table).columns[code.textfield]


def _coerce_value(condition: Condition, column: Column | None, value: Any) -> Any:
    kind = "text" if column is None or column.kind in ("str", "text", "json") else column.kind
    if column is not None and column.kind == "str" and condition.op not in LIKES:
        kind = "str"  # no column has such a value, and to the database `m ` would be `m`
    rule = FieldRule(kind="bigint" if kind == "int" else kind, precision=65, scale=30, blank=True)
    try:
        result = coerce(rule, value)
    except CoercionError as exc:
        raise _refusal(condition.field, exc) from None
    if result is None:
        raise FILTER_WITHOUT_VALUE(field=condition.field)
    return result


def _refusal(field: str, exc: CoercionError) -> AppError:
    return FILTER_VALUE_MISFIT(field=field, why=exc.message)


def _no_column(model: Table, name: str) -> AppError:
    return FILTER_COLUMN_UNKNOWN(table=model.name, name=name[:64])
