"""
The tables, read once from every `models/*.json`.

A model file is what `json2ddl` and `xls2ui` read (summary, fields, indexes, codes), and the table's
constraints; further keys of a field hold the rules that pages and API check, see FIELD_KEYS.
Everything that needs to know a column asks here: the checks of app/schema/validation.py, the lists,
the migration, the builder of pages.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.schema.constraints import Constraints, read_constraints

ROOT = Path(__file__).resolve().parents[2]

# What a field of a model file may say; anything else is a slip of the pen and stops the start.
FIELD_KEYS = {
    "name": "column name",
    "title": "Chinese title, also the column's comment",
    "type": "str, char, text, int, or a database type as it is: bigint, decimal(18,6), datetime(3)",
    "length": "characters, for str and char",
    "nullable": "yes or no",
    "default": "default in the database, as text",
    "defaultvalue": "first value given by the application (text columns take no DEFAULT in MySQL)",
    "required": "false: a request may leave it out although the column is not nullable",
    "set_by": "server: never taken from a request",
    "choices": "the only values allowed: list of {value, text}",
    "pattern": "regular expression for the whole value",
    "hint": "English sentence said when the value does not fit the pattern",
    "min": "smallest number",
    "max": "largest number",
    "format": "cidr_list: addresses and networks separated by commas; currency: a code of ISO 4217;"
    " share: a part of a price, 0.85 for people as 85%",
    "write_once": "true: set when the row is made, never changed",
    "confidential": "true: never leaves the server",
    "unaudited": "true: the audit trail leaves it out",
    "personal": "true: the trail of its table is only for those who may see the table's list",
    "json": "true, object or list: JSON text, and what it must be",
    "references": "the table whose id it holds",
    "boolean": "true: 1 or 0",
    "collation": "collation of the column; without it the table's utf8mb4_unicode_ci; `names`: one "
    "that tells emoji and rare letters apart, and takes capitals for small letters if it can",
    "tip": "Chinese hint shown in forms",
}
# The word of `collation` for names that are unique: which one it is, the server decides
# (app/schema/collation.py).
NAMES = "names"
_MODEL_KEYS = {"summary", "fields", "indexes", "codes", "checks", "generated", "triggers"}
_SUMMARY_KEYS = {
    "name", "title", "primary", "label", "search", "importable", "lock_optional", "fenced",
    "twin",
}  # fmt: skip
# In front of the name of a table's twin.
TWIN_PREFIX = "app_sandbox_"
_INDEX_KEYS = {"name", "idxtype", "idxfields", "serves"}
_CODE_KEYS = {"field", "table", "valuefield", "textfield", "cond"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TYPE = re.compile(r"([a-z]+)(?:\((\d+)(?:,(\d+))?\))?")
_KINDS = {
    "str": "str", "char": "str", "text": "text", "int": "int", "bigint": "bigint",
    "decimal": "decimal", "datetime": "datetime", "date": "date", "tinyint": "int",
    "varbinary": "bytes",
}  # fmt: skip
WHOLE_RANGES = {"int": (-(2**31), 2**31 - 1), "bigint": (-(2**63), 2**63 - 1)}


class ModelError(Exception):
    """A model file cannot be used; the message names the file and the place in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column and its rules. `kind` is one of str, text, int, bigint, decimal, datetime,
    date, bool, json, bytes; `minimum` and `maximum` include themselves."""

    name: str
    title: str
    type: str
    kind: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    default: str | None = None
    required: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    pattern: re.Pattern[str] | None = None
    hint: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    format: str | None = None
    server_set: bool = False
    write_once: bool = False
    confidential: bool = False
    unaudited: bool = False
    personal: bool = False
    json: bool | str = False
    references: str | None = None
    boolean: bool = False
    collation: str | None = None
    database_default: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """An index as it is called in the database, and the query it serves."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    serves: str


@dataclass(frozen=True, slots=True)
class Code:
    """A column whose values are ids of another table, shown as that table's text."""

    field: str
    table: str
    valuefield: str
    textfield: str
    cond: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `lock_optional`: an update need not name the lock_version it read; `label`: the
    columns by which people call a row; `search`: the texts whose beginnings are searched where the
    table is too large to be searched through; `importable`: its rows may come from a file;
    `fenced`: only `migrate` writes to it while a migration runs beside which nobody may serve;
    `has_twin`: there is another table of its columns, `twin_of` it (app/db/twins.py)."""

    name: str
    title: str
    module: str
    path: Path
    primary: tuple[str, ...]
    columns: Mapping[str, Column]
    indexes: tuple[Index, ...]
    codes: tuple[Code, ...]
    constraints: Constraints
    lock_optional: bool = False
    label: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    importable: bool = False
    fenced: bool = False
    has_twin: bool = False
    twin_of: str | None = None

    @property
    def list_path(self) -> str:
        """Where the rows of its generated list come from."""
        module = "" if self.module == "app" else f"/{self.module}"
        return f"{module}/{self.name}/get_{self.name}.dspy"

    @property
    def personal(self) -> bool:
        """Whether a column tells something of a person."""
        return any(column.personal for column in self.columns.values())

    @property
    def confidential(self) -> frozenset[str]:
        """Names of the columns that never leave the server."""
        return frozenset(name for name, column in self.columns.items() if column.confidential)

    def code(self, name: str) -> Code | None:
        """Return how the column *name* is shown, if its values are ids of another table."""
        return next((code for code in self.codes if code.field == name), None)


def table(name: str) -> Table:
    """Return the table *name*; raises KeyError when no model defines it."""
    return tables()[name]


@cache
def tables() -> Mapping[str, Table]:
    """Return all tables by name, of the host and of the three modules; raises ModelError."""
    return read_tables(model_paths())


def model_paths() -> list[Path]:
    """Return all model files, always in the same order."""
    return sorted([*ROOT.glob("app/models/*.json"), *ROOT.glob("pipeline_*/models/*.json")])


@cache
def references() -> tuple[tuple[str, str, str], ...]:
    """Return (table, column, parent) for each column whose values are ids of table *parent*."""
    return tuple(
        (table.name, column.name, column.references)
        for table in tables().values()
        for column in table.columns.values()
        if column.references
    )


@cache
def referrers(name: str) -> tuple[tuple[str, str], ...]:
    """Return the (table, column) pairs whose values are ids of table *name*."""
    return tuple((table, column) for table, column, parent in references() if parent == name)


def _twin(model: Table) -> Table:
    """Return the twin of a table: its columns and indexes, under another name. It has no triggers,
    and nothing of it is shown to people."""
    return replace(
        model,
        name=TWIN_PREFIX + model.name,
        twin_of=model.name,
        columns=MappingProxyType(
            {
                name: replace(column, personal=False, references=None)
                for name, column in model.columns.items()
            }
        ),
        codes=(),
        constraints=replace(model.constraints, triggers=()),
        importable=False,
        fenced=False,
        has_twin=False,
    )


def read_tables(paths: list[Path]) -> Mapping[str, Table]:
    """Read the tables defined by *paths*, checked against each other; raises ModelError."""
    tables_by_name: dict[str, Table] = {}
    for path in paths:
        model = read_table(path)
        if model.name in tables_by_name:
            raise ModelError(
                f"{path}: table {model.name} is defined in {tables_by_name[model.name].path} too"
            )
        tables_by_name[model.name] = model
        if model.has_twin:
            tables_by_name[TWIN_PREFIX + model.name] = _twin(model)
    for model in tables_by_name.values():
        _check_links(model, tables_by_name)
    return MappingProxyType(tables_by_name)


def read_table(path: Path) -> Table:
    """Read the table that *path* defines; raises ModelError."""
    try:
        model = json.loads(path.read_text("utf-8"))
        return _table(path, model)
    except ModelError as exc:
        raise ModelError(f"{path}: {exc}") from None
    except (ValueError, KeyError, TypeError, re.error) as exc:
        raise ModelError(f"{path}: {type(exc).__name__}: {exc}") from exc


def _table(path: Path, model: dict[str, Any]) -> Table:
    (summary,) = model["summary"]
    if unknown := (model.keys() - _MODEL_KEYS) | (summary.keys() - _SUMMARY_KEYS):
        raise ModelError(f"unknown keys {sorted(unknown)}")
    name = summary["name"]
    columns = {item["name"]: _column(item) for item in model["fields"]}
    if len(columns) != len(model["fields"]):
        raise ModelError("a column is defined twice")
    indexes = tuple(_index(name, item, columns) for item in model.get("indexes", []))
    codes = tuple(_code(item, columns) for item in model.get("codes", []))
    primary = summary["primary"]
    return Table(
        name=name,
        title=summary["title"],
        module=path.parent.parent.name,
        path=path,
        primary=tuple([primary] if isinstance(primary, str) else primary),
        columns=MappingProxyType(columns),
        indexes=indexes,
        codes=codes,
        constraints=read_constraints(model),
        lock_optional=bool(summary.get("lock_optional")),
        label=_names("label", summary.get("label", ()), columns),
        search=_names("search", summary.get("search", ()), columns),
        importable=bool(summary.get("importable")),
        fenced=bool(summary.get("fenced")),
        has_twin=bool(summary.get("twin")),
    )


def _names(key: str, names: list[str], columns: Mapping[str, Column]) -> tuple[str, ...]:
    if missing := set(names) - columns.keys():
        raise ModelError(f"{key}: no columns {sorted(missing)}")
    return tuple(names)


def _column(item: dict[str, Any]) -> Column:
    name = item["name"]
    if not _NAME.fullmatch(name):
        raise ModelError(f"{name!r} is not a column name")
    if unknown := item.keys() - FIELD_KEYS.keys():
        raise ModelError(f"{name}: unknown keys {sorted(unknown)}")
    parts = _TYPE.fullmatch(item["type"])
    if not parts or parts[1] not in _KINDS:
        raise ModelError(f"{name}: unknown type {item['type']!r}")
    nullable = {"yes": True, "no": False}[item["nullable"]]
    server_set = item.get("set_by") == "server"
    default = item.get("default", item.get("defaultvalue"))
    return Column(
        name=name,
        title=item["title"],
        type=item["type"],
        kind=_kind(item, parts[1]),
        length=item.get("length") or (int(parts[2]) if parts[1] == "varbinary" else None),
        precision=int(parts[2]) if parts[1] == "decimal" else None,
        scale=int(parts[3] or 0) if parts[1] == "decimal" else None,
        nullable=nullable,
        default=default,
        required=not (nullable or server_set or default is not None) and item.get("required", True),
        choices=MappingProxyType({c["value"]: c["text"] for c in item.get("choices", ())}),
        pattern=re.compile(item["pattern"]) if "pattern" in item else None,
        hint=item.get("hint"),
        minimum=Decimal(str(item["min"])) if "min" in item else None,
        maximum=Decimal(str(item["max"])) if "max" in item else None,
        format=item.get("format"),
        server_set=server_set,
        write_once=item.get("write_once", False),
        confidential=item.get("confidential", False),
        unaudited=item.get("unaudited", False),
        personal=item.get("personal", False),
        json=item.get("json", False),
        references=item.get("references"),
        boolean=item.get("boolean", False),
        collation=item.get("collation"),
        database_default=item.get("default"),
    )


def _kind(item: dict[str, Any], base: str) -> str:
    if item.get("boolean"):
        return "bool"
    if item.get("json"):
        return "json"
    return _KINDS[base]


def _index(table_name: str, item: dict[str, Any], columns: Mapping[str, Column]) -> Index:
    if unknown := item.keys() - _INDEX_KEYS:
        raise ModelError(f"index {item['name']}: unknown keys {sorted(unknown)}")
    if missing := set(item["idxfields"]) - columns.keys():
        raise ModelError(f"index {item['name']}: no columns {sorted(missing)}")
    return Index(
        name=f"{table_name}_{item['name']}",
        columns=tuple(item["idxfields"]),
        unique={"unique": True, "index": False}[item["idxtype"]],
        serves=item["serves"],
    )


def _code(item: dict[str, Any], columns: Mapping[str, Column]) -> Code:
    if unknown := item.keys() - _CODE_KEYS:
        raise ModelError(f"code {item['field']}: unknown keys {sorted(unknown)}")
    if item["field"] not in columns:
        raise ModelError(f"code: no column {item['field']}")
    return Code(**item)


def _check_links(model: Table, tables_by_name: Mapping[str, Table]) -> None:
    for column in model.columns.values():
        if column.references and column.references not in tables_by_name:
            raise ModelError(f"{model.path}: {column.name} refers to no table {column.references}")
        # Written by whoever refers to a row, see `validation.lock_parent`.
        if column.references and "lock_no" not in tables_by_name[column.references].columns:
            raise ModelError(f"{model.path}: {column.references} has no lock_no")
    for code in model.codes:
        other = tables_by_name.get(code.table)
        if other is None or not {code.valuefield, code.textfield} <= other.columns.keys():
            raise ModelError(f"{model.path}: the code of {code.field} names no table and columns")
