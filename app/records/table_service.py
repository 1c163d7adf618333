"""
What people do to the rows of a table: create, update and delete them, by the rules of its owner.

A table that people edit has one service, which stands beside the table's rules and comes to the
host with the `Module`. So a form, a row of a file and a value put back from the audit trail meet
the same rules.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from app.base.actor import Actor
from app.base.catalogue.fields import VALUE_TAKEN
from app.base.catalogue.records import IS_THERE_AGAIN, NOT_UNIQUE
from app.base.contributions import Contributions
from app.base.errors import AppError
from app.base.refusals import DuplicateKey
from app.db.sqlor import SafeSqlor
from app.db.transactions import in_transaction
from app.records.deletions import TOGETHER, Deletion, is_gone, own_deletion
from app.records.plans import PRIMARY
from app.records.rows import (
    check_lock_version,
    delete_row,
    get_row,
    insert_row,
    update_locked_row,
)
from app.records.trail import audit_context
from app.schema.tables import Index, table as table_model
from app.schema.validation import (
    FieldRule,
    check_delete,
    check_new,
    check_params,
    check_update,
)

Values = Mapping[str, Any]
Record = dict[str, Any]
# A change of a row, and what is read of its record before the transaction ends.
Work = Callable[[SafeSqlor], Awaitable[Record]]
View = Callable[[SafeSqlor, Record, Actor], Awaitable[Record]]
_RESTORE = {"id": FieldRule(kind="str", required=True, length=32)}


class TableService:
    """
    Creates, updates and deletes rows of `table`; a subclass says by which rules.

    Its owner overrides `defaults`, `lock`, `before_create`, `before_update`, `before_delete`,
    `duplicate` and `mark_rows`; and `create`, `update`, `delete` or `restore` where the work itself
    is another one. `extra` are fields of a new row's form that are no columns a client may set;
    `create` gets them with the values; `update_extra` and `update` likewise. `confirmed` are those
    of them that say yes to what a form asks back: nobody is asked for a row that was there.
    `unforgotten` are columns of the server that a row which is put back has as before.
    """

    table: ClassVar[str]
    extra: ClassVar[Mapping[str, FieldRule]] = {}
    update_extra: ClassVar[Mapping[str, FieldRule]] = {}
    confirmed: ClassVar[Values] = {}
    unforgotten: ClassVar[tuple[str, ...]] = ()

    # The rules.

    def defaults(self, params: Values) -> Values:
        """Return the *params* of a new row with what the server adds where they say nothing."""
        return params

    async def lock(self, sor: SafeSqlor, record_id: str) -> Record:
        """Lock a row until the transaction ends, and before it what is to be locked before it;
        raises NotFound."""
        return await get_row(sor, self.table, record_id, lock=True)

    async def before_create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Values:
        """Return the columns of a new row of *values*; raises what the owner refuses."""
        return values

    async def before_update(
        self, sor: SafeSqlor, current: Record, values: Values, actor: Actor
    ) -> Values:
        """Return the columns of the locked row *current* that change with *values*; raises what the
        owner refuses."""
        return values

    async def before_delete(self, sor: SafeSqlor, current: Record, actor: Actor) -> None:
        """Delete what goes with the locked row *current*; raises what keeps it, such as InUse."""

    def duplicate(self, index: Index) -> AppError:
        """Return the refusal where another row has the values of the unique *index* already."""
        problems = [VALUE_TAKEN(name) for name in index.columns]
        return NOT_UNIQUE(problems=problems, fields=", ".join(index.columns))

    def mark_rows(self, rows: list[Any]) -> None:
        """Look at *rows* that a list reads, and say in them what it finds."""

    # The work, in the caller's transaction.

    async def create(self, sor: SafeSqlor, values: Values, actor: Actor) -> Record:
        """Create a row of checked *values*; its record. Raises InvalidFields, Conflict."""
        values = await self.before_create(sor, values, actor)
        return await insert_row(sor, self.table, values, actor)

    async def update(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, values: Values, actor: Actor
    ) -> Record:
        """
        Change a row that has *lock_version* (None: any) by checked *values*; its record.

        Raises NotFound, EditConflict, InvalidFields, Conflict.
        """
        current = await self.lock(sor, record_id)
        check_lock_version(self.table, current, lock_version)
        new_values = await self.before_update(sor, current, values, actor)
        return await update_locked_row(sor, self.table, current, new_values, actor)

    async def delete(
        self, sor: SafeSqlor, record_id: str, lock_version: int | None, actor: Actor
    ) -> Record:
        """Delete a row that has *lock_version* (None: any); the record that it was. Raises
        NotFound, EditConflict, Conflict."""
        current = await self.lock(sor, record_id)
        check_lock_version(self.table, current, lock_version)
        with audit_context(None, **{TOGETHER: record_id}):
            await self.before_delete(sor, current, actor)
        await delete_row(sor, self.table, current, actor)
        return current

    async def restore(self, sor: SafeSqlor, deletion: Deletion, actor: Actor) -> Record:
        """Create the row again that was deleted, under its id, by the rules of a new one; its
        record. Raises as `create`."""
        return await self.create(sor, self.values_of(deletion), actor)

    async def put_back(self, sor: SafeSqlor, deletion: Deletion, actor: Actor) -> Record:
        """Do as `restore`, and call it so in the trail; raises BadRequest `nothing_to_put_back`
        where somebody else was faster."""
        try:
            with audit_context("put_back"):
                return await self.restore(sor, deletion, actor)
        except DuplicateKey as exc:
            if exc.index == PRIMARY:
                raise IS_THERE_AGAIN(label=deletion.row.row_id) from exc
            raise

    def values_of(self, deletion: Deletion, **more: Any) -> Record:
        """Return the checked values of a new row as the deleted one was, but for *more*, with its
        origin. Raises InvalidFields."""
        row = deletion.row
        fields = {**row.fields, **self.confirmed, **more}
        own = {name: value for name, value in row.columns.items() if name in self.unforgotten}
        return {**check_new(self.table, fields, extra=self.extra), **own, **row.origin}

    async def with_way_back(self, sor: SafeSqlor, record: Record, actor: Actor) -> Record:
        """Return what `delete` answered with `can_be_restored`, which is 0 where the row was not
        deleted, but only ended."""
        return {**record, "can_be_restored": int(await is_gone(sor, self.table, record["id"]))}

    # From the parameters of a request, in a transaction of its own.

    async def create_from(self, params: Values, actor: Actor, view: View | None = None) -> Record:
        """Create a row of the form *params*; its record, or what *view* reads of it. Raises as
        `create`, and InvalidFields."""
        values = check_new(self.table, self.defaults(params), extra=self.extra)
        return await self.run(lambda sor: self.create(sor, values, actor), actor, view)

    async def update_from(self, params: Values, actor: Actor, view: View | None = None) -> Record:
        """Change a row by the form *params*; answers as `create_from`. Raises as `update`, and
        BadRequest."""
        key, lock_version, values = check_update(self.table, params, extra=self.update_extra)
        return await self.run(
            lambda sor: self.update(sor, key, lock_version, values, actor), actor, view
        )

    async def delete_from(self, params: Values, actor: Actor, view: View | None = None) -> Record:
        """Delete the row that *params* name; answers as `create_from`. Raises as `delete`."""
        key, lock_version, _ = check_delete(self.table, params)
        return await self.run(lambda sor: self.delete(sor, key, lock_version, actor), actor, view)

    async def restore_from(self, params: Values, actor: Actor) -> Record:
        """Put back the row with the `id` of *params* that *actor* deleted; its record. Raises as
        `restore` and `own_deletion`."""
        row_id = check_params(_RESTORE, params)["id"]

        async def work(sor: SafeSqlor) -> Record:
            deletion = await own_deletion(sor, self.table, row_id, actor)
            return await self.put_back(sor, deletion, actor)

        return await self.run(work, actor)

    async def run(self, work: Work, actor: Actor, view: View | None = None) -> Record:
        """Run *work* in a transaction, and *view* on its record; raises `duplicate` for a
        DuplicateKey of the table."""

        async def work_and_view(sor: SafeSqlor) -> Record:
            record = await work(sor)
            return record if view is None else await view(sor, record, actor)

        with self.duplicate_as_field_errors():
            return await in_transaction(work_and_view)

    @contextmanager
    def duplicate_as_field_errors(self) -> Iterator[None]:
        """Turn a DuplicateKey of the table into its `duplicate`."""
        try:
            yield
        except DuplicateKey as exc:
            indexes = table_model(self.table).indexes
            index = next((index for index in indexes if index.name == exc.index), None)
            if index is None:
                raise
            raise self.duplicate(index) from exc


TABLE_SERVICES = Contributions(TableService, lambda service: service.table)


def mark_rows(table: str, rows: list[Any]) -> None:
    """Let the service of *table*, if there is one, look at *rows* that a list reads."""
    if service := TABLE_SERVICES.get(table):
        service.mark_rows(rows)
