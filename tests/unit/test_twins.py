"""Tables with something of a distributor have a twin for the sandbox, which statements mean."""

from app.db.twins import rename
from app.schema.tables import TWIN_PREFIX, tables

# Keys and prices are those of both, webhooks of real events only; what the host keeps is of people
# and of its own work.
SHARED = {"app_audit", "app_key", "app_webhook", "app_webhook_delivery", "pipeline_pricing"}


def test_whatever_is_of_a_distributor_has_a_twin() -> None:
    of_distributors = {
        name
        for name, table in tables().items()
        if "distributor_id" in table.columns and table.twin_of is None
    }
    twins = {table.twin_of for table in tables().values() if table.twin_of}

    assert of_distributors - twins == SHARED
    assert {"distributors", "pipeline_capacity"} <= twins


def test_a_twin_has_the_columns_of_its_table_and_nothing_to_show() -> None:
    for name, table in tables().items():
        if table.twin_of is not None:
            assert name == TWIN_PREFIX + table.twin_of
            assert list(table.columns) == list(tables()[table.twin_of].columns)
            assert not table.personal
            assert not table.constraints.triggers


def test_names_are_renamed_and_texts_and_longer_names_are_not() -> None:
    assert rename(
        "select d.id, 'distributors', 'it''s \\' distributors' from distributors d"
        " left join `distributor_pipeline` l force index (distributor_pipeline_pair)"
        " on l.distributor_id = d.id join pipelines p"
    ) == (
        "select d.id, 'distributors', 'it''s \\' distributors' from app_sandbox_distributors d"
        " left join `app_sandbox_distributor_pipeline` l force index (distributor_pipeline_pair)"
        " on l.distributor_id = d.id join pipelines p"
    )
