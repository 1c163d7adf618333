"""Which steps a version has, for whoever takes the metered items of calls."""

from collections import OrderedDict

from app.global_func import SafeSqlor
from pipeline_core.definition.snapshot import load
from pipeline_core.lifecycle.live import BY_NUMBER

MAX_VERSIONS = 200
# A version never changes and its number is given once, so nothing here can be out of date.
_keys: OrderedDict[tuple[str, int], frozenset[str]] = OrderedDict()


def remembered_step_keys(pipeline_id: str, version_no: int) -> frozenset[str]:
    """Return what `step_keys` does, as far as it is remembered; nothing of other versions."""
    return _keys.get((pipeline_id, version_no), frozenset())


async def step_keys(sor: SafeSqlor, pipeline_id: str, version_no: int) -> frozenset[str] | None:
    """
    Return the codes of a version's steps, those that are switched off too; None where there is no
    such version.

    The versions asked for last are remembered: their snapshots are not parsed for each call.
    Raises VersionCorrupted.
    """
    place = (pipeline_id, version_no)
    if place in _keys:
        _keys.move_to_end(place)
        return _keys[place]
    version = await sor.one(BY_NUMBER, {"pipeline_id": pipeline_id, "version_no": version_no})
    if version is None:
        return None
    _keys[place] = frozenset(step["step_key"] for step in load(version)["steps"])
    if len(_keys) > MAX_VERSIONS:
        _keys.popitem(last=False)
    return _keys[place]
