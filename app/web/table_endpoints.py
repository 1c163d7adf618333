"""The endpoints that a table's form asks, made of the table's service."""

from typing import Any

from app.base.actor import Actor
from app.base.errors import Message
from app.records.table_service import TableService
from app.web.endpoint import ActorFunction, Endpoint, writing
from app.web.responses import Answer


def table_endpoints(service: TableService, **own: ActorFunction) -> dict[str, Endpoint]:
    """
    Make the endpoints `<table>_create`, `<table>_update`, `<table>_delete` and `<table>_restore`,
    which puts back what its caller deleted.

    Each answers with the record and raises what the service raises. *own* are functions by the
    same names (`create`, …) where a table's endpoint answers otherwise.
    """

    async def create(actor: Actor, params: dict[str, Any]) -> Answer:
        return Answer(await service.create_from(params, actor), table=service.table)

    async def update(actor: Actor, params: dict[str, Any]) -> Answer:
        return Answer(await service.update_from(params, actor), table=service.table)

    async def delete(actor: Actor, params: dict[str, Any]) -> Answer:
        record = await service.delete_from(params, actor, service.with_way_back)
        return Answer(record, table=service.table, message=Message("Deleted."))

    async def restore(actor: Actor, params: dict[str, Any]) -> Answer:
        record = await service.restore_from(params, actor)
        return Answer(record, table=service.table, message=Message("It is there again."))

    functions = {"create": create, "update": update, "delete": delete, "restore": restore, **own}
    return {f"{service.table}_{name}": writing(func) for name, func in functions.items()}
