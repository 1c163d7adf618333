"""What has to be done to bring the tables of a database to the models, without doing it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from xls2ddl.json2ddl import xls2ddl

from app.schema.collation import NAME_COLLATIONS
from app.schema.constraints import Constraints, Generated, Trigger
from app.schema.inspect import FoundColumn, FoundTable
from app.schema.serving import STATEMENTS
from app.schema.tables import NAMES, Column, Index, Table, tables

_COLLATION = "utf8mb4_unicode_ci"
_TEXTS = re.compile(r"(?:var)?char\((\d+)\)")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_BYTES = re.compile(r"varbinary\((\d+)\)")
_SIZES = {"tinyint(1)": 1, "tinyint": 1, "smallint": 2, "int": 3, "bigint": 4}


_CREATE_TRIGGER = "create trigger "


@dataclass(frozen=True, slots=True)
class Step:
    """One statement and what it does to which table, in words. `is_rule`: what the version before
    writes may not fit to it."""

    table: str
    description: str
    sql: str
    optional: bool = False
    is_rule: bool = False

    def __str__(self) -> str:
        return f"{self.table}: {self.description}"

    @property
    def spares_version_before(self) -> bool:
        """Whether the version before may serve while it is done and after it."""
        return STATEMENTS.get(str(self), not self.is_rule)

    @property
    def is_trigger(self) -> bool:
        """Whether it makes a trigger."""
        return self.sql.startswith(_CREATE_TRIGGER)


@dataclass(slots=True)
class Plan:
    """What `migrate` would do, and what it leaves to a person; `before` and `after` are numbered
    migrations, in words; `spares_version_before` says whether its workers may go on serving,
    `is_first` whether there never were any."""

    steps: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    spares_version_before: bool = True
    is_first: bool = False

    def add(
        self,
        table: str,
        description: str,
        sql: str,
        *,
        optional: bool = False,
        is_rule: bool = False,
    ) -> None:
        """Append a step; an *optional* one may fail for want of rights."""
        step = Step(table, description, sql, optional, is_rule)
        self.steps.append(step)
        self.spares_version_before &= step.spares_version_before

    def lines(self) -> list[str]:
        """Return all of it in the order in which it would be done."""
        problems = [f"left as it is: {item}" for item in self.problems]
        return [*self.before, *map(str, self.steps), *self.after, *problems]


def make_plan(present: dict[str, FoundTable], names: str | None = None) -> Plan:
    """
    Compare the models with the tables *present* in the database.

    *names* is the collation for unique names that this server has; None: nobody knows.
    """
    plan = Plan()
    for name, model in tables().items():
        if name not in present:
            for sql in create_statements(model):
                plan.add(name, f"{' '.join(sql.split(None, 4)[:4]).lower()} …", sql)
            continue
        _names(plan, model, present[name], names)
        _columns(plan, _with_collation(model, present[name], names), present[name])
        _indexes(plan, model, present[name])
        _constraints(plan, name, model.constraints, present[name])
    return plan


def definition() -> list[str]:
    """
    Return what the tables are, the same for every database and however the sources are written.

    That is each table's key, and the plan for tables that have nothing yet. What json2ddl makes of
    the same models is left out, since it takes long and says no more.
    """
    keys = [f"{name} ({', '.join(model.primary)})" for name, model in tables().items()]
    steps = make_plan({name: FoundTable() for name in tables()}, NAMES).steps
    return keys + [" ".join(step.sql.split()) for step in steps]


def create_statements(model: Table) -> Iterator[str]:
    """Yield what json2ddl generates for *model*, without comments and without `drop table`."""
    text = re.sub(r"^\s*--.*$", "", str(xls2ddl(str(model.path), "mysql")), flags=re.MULTILINE)
    for statement in re.split(r";\s*$", text, flags=re.MULTILINE):
        sql = " ".join(statement.split())
        if model.twin_of is not None:
            sql = re.sub(rf"\b{model.twin_of}\b", model.name, sql)
        if sql and not sql.lower().startswith("drop table"):
            yield re.sub(r"^CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", sql)


def _with_collation(model: Table, present: FoundTable, names: str | None) -> Table:
    """Return *model* with a collation for each column of names: what it has, or what a new one
    gets."""
    columns = dict(model.columns)
    for name, column in model.columns.items():
        if column.collation == NAMES:
            have = present.columns.get(name)
            columns[name] = replace(column, collation=have.collation if have else names)
    return replace(model, columns=columns)


def _names(plan: Plan, model: Table, present: FoundTable, names: str | None) -> None:
    """
    Plan a change of its own, which may fail: the letters of newer editions of Unicode may be alike
    where the old collation, which did not know them, told them apart.
    """
    for name, column in model.columns.items():
        have = present.columns.get(name)
        if column.collation != NAMES or have is None or have.collation in NAME_COLLATIONS:
            continue
        if names is None:
            plan.problems.append(
                f"{model.name}.{name} takes all emoji for one: no temporary table can be made to"
                " try which collation this server has"
            )
            continue
        description = (
            f"changed collation of {name} to {names}, which tells emoji and rare letters apart"
        )
        if names == NAME_COLLATIONS[-1]:
            description += " (and capitals from small letters: this server has no better one)"
        sql = f"modify column {_definition(replace(column, collation=names))}"
        plan.add(model.name, description, f"alter table `{model.name}` {sql}", optional=True)


def _columns(plan: Plan, model: Table, present: FoundTable) -> None:
    changes: list[str] = []
    descriptions: list[str] = []
    is_rule = False
    after = "first"
    for name, column in model.columns.items():
        place, after = after, f"after `{name}`"
        have = present.columns.get(name)
        if have is None:
            changes.append(f"add column {_definition(column, filling=True)} {place}")
            descriptions.append(f"added column {name}")
            # Who does not know it names no value.
            is_rule |= not column.nullable and column.database_default is None
        elif reason := _differs(column, have):
            if _type_of(column) != have.type and not _wider(have.type, _type_of(column)):
                plan.problems.append(
                    f"{model.name}.{name} is {have.type}, the model says {_type_of(column)}"
                )
            elif have.nullable and not column.nullable:
                plan.problems.append(f"{model.name}.{name} allows null, the model does not")
            elif have.collation == "utf8mb4_bin" and column.collation is None:
                plan.problems.append(f"{model.name}.{name} tells cases apart, the model does not")
            else:
                changes.append(f"modify column {_definition(column)}")
                descriptions.append(f"changed {reason} of {name}")
    if changes:
        plan.add(
            model.name,
            f"{', '.join(descriptions)}",
            f"alter table `{model.name}` {', '.join(changes)}",
            is_rule=is_rule,
        )
    _after_adding(plan, model, present)
    hidden = {item.name for item in model.constraints.generated_columns}
    for name in present.columns.keys() - model.columns.keys() - hidden:
        plan.problems.append(f"{model.name}.{name} is a column that no model names")


def _after_adding(plan: Plan, model: Table, present: FoundTable) -> None:
    for name, column in model.columns.items():
        if name in present.columns or column.nullable or column.database_default is not None:
            continue
        if column.kind == "datetime":
            plan.add(
                model.name,
                f"no default for {name}",
                f"alter table `{model.name}` alter column `{name}` drop default",
            )
        elif column.type == "text" and column.default:
            plan.add(
                model.name,
                f"filled {name}",
                f"update `{model.name}` set `{name}` = '{column.default}' where `{name}` = ''",  # noqa: S608
            )


def _definition(column: Column, *, filling: bool = False) -> str:
    parts = [f"`{column.name}`", _type_of(column)]
    if _collation_of(column):
        parts.append(f"character set utf8mb4 collate {_collation_of(column)}")
    parts.append("null" if column.nullable else "not null")
    if column.database_default is not None:
        parts.append(f"default '{column.database_default}'")
    elif filling and column.kind == "datetime" and not column.nullable:
        parts.append("default current_timestamp(3)")  # for the rows there are; dropped next
    return " ".join([*parts, f"comment '{column.title}'"])


def _type_of(column: Column) -> str:
    if column.type in ("str", "char"):
        return f"{'var' if column.type == 'str' else ''}char({column.length})"
    return "longtext" if column.type == "text" else column.type


def _collation_of(column: Column) -> str | None:
    textual = column.type in ("str", "char", "text")
    return (column.collation or _COLLATION) if textual else None


def _differs(column: Column, have: FoundColumn) -> str:
    checks = {
        "type": _type_of(column) != have.type,
        "null": column.nullable != have.nullable,
        "default": not _same_default(column, have.default),
        "collation": _collation_of(column) not in (None, have.collation),
        "comment": column.title != have.comment,
    }
    return " and ".join(name for name, differs in checks.items() if differs)


def _same_default(column: Column, have: str | None) -> bool:
    default = column.database_default
    if default is None or have is None or column.kind != "decimal":
        return default == have
    return Decimal(default) == Decimal(have)


def _wider(old: str, new: str) -> bool:
    """Return whether every value of type *old* fits into *new* as it is."""
    if old in _SIZES and new in _SIZES:
        return _SIZES[new] >= _SIZES[old]
    if (a := _DECIMAL.fullmatch(old)) and (b := _DECIMAL.fullmatch(new)):
        whole = int(b[1]) - int(b[2]) >= int(a[1]) - int(a[2])
        return whole and int(b[2]) >= int(a[2])
    if a := _TEXTS.fullmatch(old):
        if new == "longtext":
            return True
        b = _TEXTS.fullmatch(new)
        return b is not None and int(b[1]) >= int(a[1])
    if (a := _BYTES.fullmatch(old)) and (b := _BYTES.fullmatch(new)):
        return int(b[1]) >= int(a[1])
    return old in ("text", "mediumtext") and new == "longtext"


def _indexes(plan: Plan, model: Table, present: FoundTable) -> None:
    for index in model.indexes:
        have = present.indexes.get(index.name.lower())
        if have is not None and (have.columns, have.unique) == (index.columns, index.unique):
            continue
        drop_clause = f"drop index `{index.name}`, " if have is not None else ""
        plan.add(
            model.name,
            f"{'changed' if have else 'added'} index {index.name}",
            f"alter table `{model.name}` {drop_clause}add {_index_sql(index)}",
            is_rule=index.unique,
        )
    names = {index.name.lower() for index in model.indexes} | {"primary"}
    names |= {f"{model.name}_{item.name}" for item in model.constraints.generated_columns}
    for name in present.indexes.keys() - names:
        plan.problems.append(f"{model.name}: index {name} that no model names")


def _index_sql(index: Index) -> str:
    columns = ", ".join(f"`{column}`" for column in index.columns)
    return f"{'unique ' if index.unique else ''}index `{index.name}` ({columns})"


def _constraints(plan: Plan, name: str, constraints: Constraints, present: FoundTable) -> None:
    for item in constraints.generated_columns:
        _generate(plan, name, item, present)
    for check in constraints.checks:
        if f"{name}_{check.name}" not in present.checks:
            plan.add(
                name,
                f"added check {check.name}",
                f"alter table `{name}` add constraint `{name}_{check.name}`"
                f" check ({check.condition})",
                is_rule=True,
            )
    for trigger in constraints.triggers:
        _trigger(plan, name, trigger, present)


def _generate(plan: Plan, name: str, item: Generated, present: FoundTable) -> None:
    if item.name not in present.columns:
        plan.add(
            name,
            f"added generated column {item.name}",
            f"alter table `{name}` add column `{item.name}` {item.type}"
            f" generated always as ({item.expression}) virtual invisible,"
            f" add unique index `{name}_{item.name}` (`{item.name}`)",
            is_rule=True,
        )


def _trigger(plan: Plan, name: str, trigger: Trigger, present: FoundTable) -> None:
    full = f"{name}_{trigger.name}"
    have = present.triggers.get(full)
    if have is not None and have.split() == trigger.body.split():
        return
    if have is not None:
        plan.add(name, f"dropped old trigger {trigger.name}", f"drop trigger `{full}`")
    plan.add(
        name,
        f"added trigger {trigger.name}",
        f"{_CREATE_TRIGGER}`{full}` {trigger.moment} on `{name}` for each row\n{trigger.body}",
        optional=True,
        is_rule=True,
    )
