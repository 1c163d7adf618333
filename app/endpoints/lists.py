"""
One page of a table, for the generated lists and for scripts.

Parameters: `page` (from 1), `rows` (default 80, at most 1,000), `sort` (`col`, `col desc`,
several, also `<code>_text`), `data_filter` (app/records/filters.py), and for any column `col=value`
(repeated: any of them; empty: no filter), `col_from` (included) and `col_to` (excluded) for times
and numbers, `q` (a text to find in any of the table's texts). All filters are joined by AND; a
name that means nothing here is refused. In the place of `page` may stand `_after` (the `next` of
an answer: the rows behind its last), `_before` (its `previous`: those before its first) or `_last`
(the last rows): these cost the same at any depth; an empty `_after` begins so. With `_export=csv`
or `xlsx` the answer is a file with all rows that the filters leave (app/endpoints/export.py):
whoever may see a list may take it along.

The list of a large table goes by its indexes: see app/endpoints/large_lists.py.

Of the audit trail nobody sees entries about a table with personal columns whose list they may not
see.
"""

from collections.abc import Mapping
from typing import Any

from app.access.permissions import withheld_tables
from app.access.user_names import add_names
from app.base.catalogue.records import (
    CURSOR_OF_OTHER_ORDER,
    CURSOR_UNREADABLE,
    FILTER_COLUMN_UNKNOWN,
    FILTER_NAME_TWICE,
    FILTER_NOT_TEXT,
    FILTER_VALUE_MISFIT,
    FILTER_WITHOUT_VALUE,
    LIST_TOO_SLOW,
    PAGE_TOO_FAR,
    SORT_COLUMN_UNKNOWN,
    TOO_MANY_SORT_COLUMNS,
)
from app.base.errors import AppError
from app.base.settings import settings
from app.db.sqlor import SafeSqlor, sort_terms, whole_number
from app.db.transactions import reading
from app.endpoints.export import export_rows
from app.endpoints.large_lists import Request, large_list
from app.endpoints.list_search import search_condition, search_text
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
    parse_filter,
    render_filter,
)
from app.records.keysets import read_cursor, value_of, write_cursor
from app.records.plans import Term, Terms, bounds, in_full
from app.records.selection import Code, Selection
from app.records.table_service import mark_rows
from app.records.table_sizes import is_large
from app.schema.coercion import coerce
from app.schema.field_rules import CoercionError, FieldRule
from app.schema.tables import Column, Table, table
from app.schema.validation import is_page_name

ROWS = 80
MAX_ROWS = 1000
MAX_SORT_TERMS = 8
_OWN = frozenset({"page", "rows", "sort", "data_filter", "q"})
_CURSORS = frozenset({"_after", "_before", "_last"})
_RANGES = {"_from": ">=", "_to": "<"}
_RANGE_KINDS = frozenset({"int", "bigint", "decimal", "datetime", "date"})


async def list_rows(
    request: Any, params: Mapping[str, Any], module: str, table_name: str, sort: Any = "id desc"
) -> Any:
    """
    Return `{total, rows}` of *table_name* as *params* ask for it, sorted by *sort* unless they say.

    Rows carry every column that may leave the server and `<code>_text` for each column whose
    values are ids of another table or of users. Of a large table, and to who asks by cursors, it
    says too: `next` and `previous`, None where nothing follows, or where only `page` leads on;
    `capped`, where there are at least `total`; `large` (see app/endpoints/large_lists.py). Raises
    BadRequest `bad_paging`, `bad_sort`, `bad_filter`, `bad_search`, `bad_export`, Unavailable
    `too_slow`.
    """
    model = table(table_name)
    if model.module != module:
        raise ValueError(f"{table_name} is not a table of {module}")
    withheld = await withheld_tables(request) if table_name == audit.TABLE else []
    async with reading(refusal=LIST_TOO_SLOW) as sor:
        selection, large = await select_rows(sor, model, params, sort, withheld)
        answer = None if params.get("_export") else await page_of(sor, selection, params)
    if answer is None:
        return await export_rows(request, params, selection)
    await add_names(model, answer["rows"])
    mark_rows(table_name, answer["rows"])
    return answer | large


async def page_of(
    sor: SafeSqlor, selection: Selection, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the page of *selection* that *params* ask for, with its place in the whole; raises
    BadRequest `bad_paging`."""
    size = whole_number(_one(params, "rows", ROWS), "rows", 1, MAX_ROWS)
    most = settings().options.list_counted_rows if selection.is_large else None
    total = await selection.count(sor, most)
    rows, has_previous, has_next = await _rows(sor, selection, params, size, most)
    answer = {"total": total, "rows": rows}
    if most is None and params.keys().isdisjoint(_CURSORS):
        return answer
    terms = selection.terms
    return answer | {
        "capped": most is not None and total > most,
        "next": write_cursor(terms, rows[-1]) if rows and has_next else None,
        "previous": write_cursor(terms, rows[0]) if rows and has_previous else None,
    }


async def _rows(
    sor: SafeSqlor, selection: Selection, params: Mapping[str, Any], size: int, most: int | None
) -> tuple[list[dict[str, Any]], bool, bool]:
    """Return a page, and whether there are rows before it and behind it."""
    if params.get("_last"):
        rows = await selection.last(sor, size + 1)
        return rows[-size:], len(rows) > size, False
    if text := params.get("_before"):
        rows = await selection.before(sor, _key(selection, text), size + 1)
        return rows[-size:], len(rows) > size, True
    if text := params.get("_after"):
        rows = await selection.after(sor, _key(selection, text), size + 1)
        return rows[:size], True, len(rows) > size
    start = (whole_number(_one(params, "page", 1), "page", 1, 10**9) - 1) * size
    if most is not None and start > most:
        raise PAGE_TOO_FAR(most=most)
    rows = await selection.page(sor, start, size + 1)
    return rows[:size], start > 0, len(rows) > size


def _key(selection: Selection, text: Any) -> list[Any]:
    """Return the values of the cursor *text*, typed as the columns of the order are."""
    order, values = read_cursor(text)
    # What the filter binds to one value is no part of the order where an index is gone by.
    value_by_name = {
        term.name: value for term, value in zip(_terms(selection.table, order), values, strict=True)
    }
    names = [term.name for term in selection.terms]
    if not value_by_name.keys() >= set(names):
        raise CURSOR_UNREADABLE()
    return [value_of(_text_column(selection.table, name), value_by_name[name]) for name in names]


async def select_rows(
    sor: SafeSqlor, model: Table, params: Mapping[str, Any], default_sort: Any, withheld: list[str]
) -> tuple[Selection, dict[str, Any]]:
    """
    Return the rows that *params* ask for, and what the answer says of a large table.

    *withheld* are tables whose entries in the audit trail are not for the caller.
    """
    text = search_text(params.get("q"))
    node = _conditions(model, params)
    if withheld:
        visible: Node = Condition("table_name", "NOT IN", withheld)
        node = Group("AND", (visible, node)) if node else visible
    terms, is_usual = _order(model, params, default_sort, node)
    everywhere = search_condition(model, text) if text else None
    nodes = tuple(part for part in (node, everywhere) if part is not None)
    whole = _select(model, Group("AND", nodes) if nodes else None, in_full(model, terms))
    if not await is_large(sor, model.name):
        return whole, {}
    bare = _select(model, node, in_full(model, terms)) if text else whole
    return await large_list(sor, Request(node, terms, is_usual, text), whole, bare)


def _select(model: Table, node: Node | None, terms: Terms) -> Selection:
    where, values = (
        render_filter(node, lambda condition: _place(model, condition)) if node else ("", {})
    )
    columns = [f"a.`{name}`" for name, column in model.columns.items() if not column.confidential]
    codes = []
    for number, code in enumerate(model.codes):
        columns.append(f"c{number}.`{code.textfield}` as `{code.field}_text`")
        # `cond` is the model's own text, not a request's.
        cond = f" and {code.cond}" if code.cond else ""
        join = (
            f" left join `{code.table}` c{number}"
            f" on c{number}.`{code.valuefield}` = a.`{code.field}`{cond}"
        )
        codes.append(Code(f"c{number}", join))
    names = [*model.columns, *(f"{code.field}_text" for code in model.codes)]
    expressions = {name: place for name in names if (place := _expression(model, name)) is not None}
    return Selection(model, columns, codes, expressions, where, terms, values)


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


def _order(
    model: Table, params: Mapping[str, Any], default_sort: Any, node: Node | None
) -> tuple[Terms, bool]:
    """Return what is sorted by, and whether that is the list's own choice."""
    wish = params.get("sort")
    text = params.get("_after") or params.get("_before")
    if not text:
        return _terms(model, wish or default_sort), not wish
    terms = _terms(model, read_cursor(text)[0])
    if wish:
        equal = bounds(node).equal
        free, own = (
            [term for term in some if term.name not in equal]
            for some in (_terms(model, wish), terms)
        )
        if own[: len(free)] != free:
            raise CURSOR_OF_OTHER_ORDER()
    return terms, False


def _terms(model: Table, sort: Any) -> Terms:
    terms = sort_terms(sort)
    if len(terms) > MAX_SORT_TERMS:
        raise TOO_MANY_SORT_COLUMNS(count=MAX_SORT_TERMS)
    for name, _ in terms:
        if _expression(model, name) is None:
            raise SORT_COLUMN_UNKNOWN(table=model.name, name=name)
    return tuple(Term(name, is_descending) for name, is_descending in terms)


def _conditions(model: Table, params: Mapping[str, Any]) -> Node | None:
    node, names = parse_filter(params.get("data_filter"), params)
    parts: list[Node] = [] if node is None else [node]
    for name, value in params.items():
        if is_page_name(name) or name in _OWN or name in names:
            continue
        condition = _named_condition(model, name, value)
        if condition is not None:
            parts.append(condition)
    return Group("AND", tuple(parts)) if parts else None


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
