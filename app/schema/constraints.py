"""
What the tables have beyond what a model file can say: checks, generated columns, triggers.

`migrate` adds these to every table named here. The name of a check stands for its condition: to
change the condition, give it another name. Nothing here is ever taken away by itself.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Generated:
    """A hidden column that the database computes, with a unique index over it."""

    name: str
    type: str
    expression: str


@dataclass(frozen=True)
class Trigger:
    """A trigger, named `<table>_<name>`."""

    name: str
    moment: str
    body: str


@dataclass(frozen=True)
class Extras:
    """All extras of one table. Checks are named `<table>_<name>`."""

    checks: tuple[tuple[str, str], ...] = ()
    generated: tuple[Generated, ...] = ()
    triggers: tuple[Trigger, ...] = ()


# Only notes, status and event_log of a version may change (and who touched it last). When and by
# whom it went live, and what it rolled back, are written in the moment it goes live.
_KEEP_CONTENT = """\
begin
  if not (new.id <=> old.id and new.pipeline_id <=> old.pipeline_id
      and new.version_no <=> old.version_no and new.checksum <=> old.checksum
      and cast(new.snapshot as binary) <=> cast(old.snapshot as binary)
      and new.created_at <=> old.created_at and new.created_by <=> old.created_by)
  then
    signal sqlstate '45000' set message_text = 'the content of a version never changes';
  end if;
  if not (new.status = 'published' and old.status <> 'published')
    and not (new.published_at <=> old.published_at and new.published_by <=> old.published_by
      and new.rollback_of <=> old.rollback_of)
  then
    signal sqlstate '45000' set message_text = 'the content of a version never changes';
  end if;
end"""

EXTRAS: dict[str, Extras] = {
    "pipeline_steps": Extras(checks=(("position", "stage >= 1 and step_no >= 1"),)),
    "pipeline_versions": Extras(
        checks=(("number", "version_no >= 1"),),
        # At most one live version of a line: the one in force goes first, then the new one comes.
        generated=(
            Generated(
                "live_of", "varchar(32)", "case when status = 'published' then pipeline_id end"
            ),
        ),
        triggers=(Trigger("keep_content", "before update", _KEEP_CONTENT),),
    ),
    "pipeline_pricing": Extras(
        checks=(
            ("unit", "pricing_type <> 'unit' or (unit_price is not null and unit_size >= 1)"),
            (
                "package",
                "pricing_type <> 'package'"
                " or (package_size is not null and package_size >= 1"
                " and package_price is not null)",
            ),
            ("amounts", "coalesce(unit_price, 0) >= 0 and coalesce(package_price, 0) >= 0"),
            ("period", "effective_to is null or effective_to > effective_from"),
        )
    ),
    "pipeline_capacity": Extras(
        checks=(
            ("counters", "day_used >= 0 and month_used >= 0 and running >= 0"),
            (
                "limits",
                "coalesce(daily_quota, 0) >= 0 and coalesce(monthly_quota, 0) >= 0"
                " and coalesce(max_concurrency, 0) >= 0",
            ),
        )
    ),
    "pipeline_usage_log": Extras(
        checks=(("amounts", "quantity >= 0 and amount >= 0 and line_no >= 0"),)
    ),
    "distributors": Extras(
        checks=(
            ("counters", "quota_used >= 0 and spend_used >= 0"),
            ("limits", "coalesce(quota_calls, 0) >= 0 and coalesce(spend_limit, 0) >= 0"),
        )
    ),
    "distributor_pipeline": Extras(
        checks=(
            ("counters", "day_used >= 0 and month_used >= 0"),
            ("limits", "coalesce(daily_quota, 0) >= 0 and coalesce(monthly_quota, 0) >= 0"),
            ("discount", "coalesce(discount_rate, 0) >= 0"),
            ("period", "valid_to is null or valid_from is null or valid_to > valid_from"),
        )
    ),
}
