"""A ledger that is large for its limits: a few have most of it, some only what is old."""

from app.schema.tables import table
from tests.support.installation import Installation

ROWS = 30_000
FREE_ROWS = 1_000
COUNTED_ROWS = 200
MINUTES_A_ROW = 15
PIPELINES = ("rare", "old", "big")
DISTRIBUTORS = ("few", "past", "main")

# Nine of ten are of the main distributor and the big pipeline; `past` and `old` have the first
# tenth, `few` and `rare` one in five hundred.
_OWNER = "case when seq % 500 = 7 then '{rare}' when seq < {first} then '{old}' else '{rest}' end"
_INSERT = """
insert into pipeline_usage_log (id, call_no, line_no, distributor_id, pipeline_id, amount, quantity,
  status, idempotency_key, client_ref, started_at, lease_expires_at, day_key, month_key, calls,
  created_at, updated_at)
select concat('u', lpad(hex(seq), 31, '0')),
  concat(lpad(hex(seq * 7919 % 65536), 4, '0'), '-', seq),
  0, {distributor}, {pipeline}, seq % 97, 1,
  if(seq < {rows} / 15 and seq % 3 = 0, 'voided', 'succeeded'),
  concat('key-', seq), concat('ref-', seq),
  {moment}, if(seq % 4 = 0, date_add({moment}, interval 1 hour), null),
  cast(date({moment}) as char), left(cast(date({moment}) as char), 7), 1, {moment}, {moment}
from seq_1_to_{rows}
"""


def fill_ledger(
    installation: Installation, rows: int = ROWS, seconds: int = 60 * MINUTES_A_ROW
) -> None:
    """Put so many rows into the ledger, one each some *seconds* from the first of 2026 on."""
    for table_name, names in (("pipelines", PIPELINES), ("distributors", DISTRIBUTORS)):
        for name in names:
            installation.query(
                f"insert into {table_name} (id, code, name, created_at, updated_at)"
                " values (%s, %s, %s, now(3), now(3))",
                name, name, f"The {name}",
            )  # fmt: skip
    first = rows // 10
    installation.query(
        _INSERT.format(
            distributor=_OWNER.format(rare="few", old="past", rest="main", first=first),
            pipeline=_OWNER.format(rare="rare", old="old", rest="big", first=first),
            moment=f"date_add('2026-01-01', interval seq * {seconds} second)",
            rows=rows,
        )
    )
    installation.query(f"analyze table {table('pipeline_usage_log').name}")
