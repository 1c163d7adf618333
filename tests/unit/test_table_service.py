"""Each table that people edit has a service, and a second row of one key is told at its fields."""

from typing import Any

import pytest

from app.base.actor import SYSTEM_ACTOR, Actor
from app.base.errors import Conflict
from app.base.refusals import DuplicateKey
from app.modules import connect_modules
from app.records.table_service import TABLE_SERVICES, TableService
from app.schema.tables import table, tables
from app.web.table_endpoints import table_endpoints
from pipeline_core import init as core
from pipeline_core.draft import steps
from pipeline_core.lifecycle import pipelines
from pipeline_dist import init as dist
from pipeline_dist.accounts import distributors, links
from pipeline_ops import init as ops
from pipeline_ops.tables import capacities


@pytest.fixture(autouse=True)
def _connected() -> None:
    connect_modules()


def test_rows_that_a_file_may_bring_have_a_service() -> None:
    importable = {model.name for model in tables().values() if model.importable}

    assert importable - {service.table for service in TABLE_SERVICES} == set()


def test_each_service_stands_in_its_table_s_module_and_has_the_endpoints() -> None:
    for module in (core.MODULE, ops.MODULE, dist.MODULE):
        services = [item for item in module.contributions if isinstance(item, TableService)]
        assert {table(service.table).module for service in services} == {module.name}
        for service in services:
            assert table_endpoints(service).keys() <= module.endpoints.keys()


@pytest.mark.parametrize(
    ("service", "index", "fields"),
    [
        pytest.param(pipelines.SERVICE, "pipelines_code", {"code"}, id="line"),
        pytest.param(steps.SERVICE, "pipeline_steps_step_key", {"step_key"}, id="step"),
        pytest.param(capacities.SERVICE, "pipeline_capacity_pipeline", {"pipeline_id"}, id="one"),
        pytest.param(distributors.SERVICE, "distributors_name", {"name"}, id="usual words"),
        pytest.param(
            links.SERVICE, "distributor_pipeline_pair", {"distributor_id", "pipeline_id"}, id="pair"
        ),
    ],
)
def test_a_second_row_of_a_key_is_told_at_its_fields(
    service: TableService, index: str, fields: set[str]
) -> None:
    with pytest.raises(Conflict) as caught, service.duplicate_as_field_errors():
        raise DuplicateKey(index)

    assert (caught.value.status, caught.value.code) == (409, "duplicate")
    assert {(item.field, item.code) for item in caught.value.problems} == {
        (field, "duplicate") for field in fields
    }


def test_a_key_of_another_table_is_told_as_it_is() -> None:
    with pytest.raises(DuplicateKey), pipelines.SERVICE.duplicate_as_field_errors():
        raise DuplicateKey("pipeline_steps_step_key")


async def test_a_module_s_own_function_stands_in_place_of_the_usual_one() -> None:
    async def own(actor: Actor, params: dict[str, Any]) -> Any:
        return actor, params

    endpoints = table_endpoints(pipelines.SERVICE, update=own)

    assert list(endpoints) == [
        f"pipelines_{name}" for name in ("create", "update", "delete", "restore")
    ]
    assert await endpoints["pipelines_update"].function(SYSTEM_ACTOR, {}) == (SYSTEM_ACTOR, {})
