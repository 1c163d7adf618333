"""
A generation: the code, pages and settings that a set of workers is made of, as a copy of its own.

Workers read much of it late: pages and scripts when they are asked for, some Python when it is
needed, all of it when one that has died is started again. From the checkout they would get a
mixture there, from the moment in which an update writes its first file. So each start and reload
takes a copy into the run-time folder, and its workers know nothing else. Libraries are not copied:
they change in `build.sh` alone, right before a reload.
"""

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.base.config_file import LOCAL_NAME, config_files
from app.base.database_settings import TLS_FILES
from app.base.settings import ROOT

CONFIG_NAME = "config.json"
_NOT_NEEDED = shutil.ignore_patterns("node_modules", "frontend", "tests", "*.new")


def generations_folder(var_dir: Path) -> Path:
    """Return where the generations of a run-time folder lie."""
    return var_dir / "run" / "code"


def take_generation(var_dir: Path, env: Mapping[str, str], root: Path = ROOT) -> Path:
    """Copy code, pages and the settings that *env* names; return the folder. Raises OSError, and
    leaves nothing then."""
    parent = generations_folder(var_dir)
    parent.mkdir(parents=True, exist_ok=True)
    numbers = [int(place.name) for place in parent.iterdir() if place.name.isdigit()]
    folder = parent / str(max(numbers, default=0) + 1)
    draft = folder.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir()
        # The guides among the documents are pages.
        for source in (root / "app", root / "docs", *sorted(root.glob("pipeline_*/"))):
            if source.is_dir():
                shutil.copytree(source, draft / source.name, symlinks=True, ignore=_NOT_NEEDED)
        shutil.copy2(root / "pyproject.toml", draft)
        (draft / "conf").mkdir()
        for file, name in zip(config_files(env, root), (CONFIG_NAME, LOCAL_NAME), strict=False):
            _copy_settings(file, draft / "conf" / name, root)
        draft.rename(folder)
    except (OSError, shutil.Error) as exc:
        shutil.rmtree(draft, ignore_errors=True)
        raise _first_reason(exc) from exc
    return folder


def _copy_settings(file: Path, copy: Path, root: Path) -> None:
    """Copy a file of settings; the certificates and the archive that it names stay where they are,
    so their paths, which are those of the checkout *root*, become whole ones."""
    config = json.loads(file.read_text("utf-8"))
    if archive := config.get("pipeline", {}).get("archive_folder"):
        config["pipeline"]["archive_folder"] = str(root / archive)
    for entry in config.get("databases", {}).values():
        tls = entry.get("kwargs", {}).get("ssl")
        if isinstance(tls, dict):
            tls |= {name: str(root / tls[name]) for name in TLS_FILES if tls.get(name)}
    copy.write_text(json.dumps(config, ensure_ascii=False), "utf-8")


def remove_generations(var_dir: Path, needed: set[Path]) -> None:
    """Remove all generations but those *needed*, and what an interrupted copy left; none that is
    later than all of these: the next reload has begun."""
    folder = generations_folder(var_dir)
    last = max((_number(place) for place in needed if place.parent == folder), default=0)
    with suppress(OSError):
        for place in folder.iterdir():
            if place not in needed and _number(place) < last:
                shutil.rmtree(place, ignore_errors=True)


def _number(place: Path) -> int:
    """Return which generation *place* is, or the draft of which; 0 for another folder."""
    return int(place.stem) if place.stem.isdigit() else 0


def other_web_roots(var_dir: Path) -> list[Path]:
    """Return the web roots of all generations there are, those of the checkout's own pages."""
    return [*generations_folder(var_dir).glob("*/app/wwwroot")]


def _first_reason(exc: OSError) -> OSError:
    """Return why the first file could not be copied: `copytree` gathers them as texts."""
    if not isinstance(exc, shutil.Error):
        return exc
    _, place, reason = exc.args[0][0]
    return OSError(None, str(reason), str(place))
