"""
Which changes of the models the version before can bear: what its authors state, for `migrate` to
tell the operator and for tests/unit/test_serving.py, which asks for it.
"""

from collections.abc import Mapping

# By `str(Step)`: whether workers of the version before may serve while it is done and after it. To
# be stated of each rule (a check, a trigger, a unique or generated column, a column that must have
# a value): True where all that the version before writes fits to it, since that version held it
# already. Steps that are no rule (a table, an index, a column that may be empty or has a default)
# it bears anyway.
STATEMENTS: Mapping[str, bool] = {
    # Where the setting is on, it keeps the version before from publishing: that is what it is for.
    # That version cannot switch it on, so until a worker of this one does, nothing is refused.
    "pipeline_versions: added trigger approved_by_another": True,
    # Nobody has a second factor before the new version gives one. From then on a worker of the
    # version before cannot sign this one user in, which is what the trigger is for.
    "app_session: added trigger second_factor": True,
}
