"""A price that is to be followed by another goes on together with that one under its new code."""

from datetime import UTC, datetime, timedelta

from tests.support.installation import Installation
from tests.support.shop import Shop


def test_who_deletes_a_carried_successor_gives_the_end_back(server: Installation) -> None:
    shop = Shop(server)
    pipeline = shop.pipeline(prices=[])
    price = shop.post(
        "pipeline_ops/pipeline_pricing_create", pipeline_id=pipeline.id, step_key="s1",
        unit="call", unit_price="2",
    )  # fmt: skip
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="milliseconds")
    shop.post(
        "pipeline_ops/pipeline_pricing_update", id=price["id"],
        lock_version=price["lock_version"], unit_price="3", change_from=later,
    )  # fmt: skip
    (step,) = server.query("select * from pipeline_steps where pipeline_id = %s", pipeline.id)
    shop.post(
        "pipeline_core/pipeline_steps_update", id=step["id"], lock_version=step["lock_version"],
        step_key="s2",
    )  # fmt: skip
    shop.post("pipeline_core/pipeline_publish", pipeline_id=pipeline.id, carry_prices=1)

    carried = "select * from pipeline_pricing where pipeline_id = %s and step_key = 's2' order by"
    present, follower = server.query(f"{carried} effective_from", pipeline.id)
    assert present["effective_to"] == follower["effective_from"]
    shop.post(
        "pipeline_ops/pipeline_pricing_delete", id=follower["id"],
        lock_version=follower["lock_version"],
    )  # fmt: skip

    (present,) = server.query(f"{carried} effective_from", pipeline.id)
    assert (present["unit_price"], present["effective_to"]) == (2, None)
