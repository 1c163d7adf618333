"""
Making the list pages of the modules, and the host's own, from their models and CRUD definitions.

    python -m app.build.pages pipeline_core pipeline_ops pipeline_dist app

Runs `xls2ui` of xls2ddl with this project's templates: a page's data script is one call of the
host's list_rows, where xls2ui would write SQL that takes parts of the request (INJ-1, INJ-5,
AZ-1), and write scripts are not kept, since the definitions name the hand-written endpoints.
"""

import argparse
import contextlib
import filecmp
import io
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from xls2ddl import xls2crud, xls2ui

from app.schema.tables import ROOT, table

_GET_DATA = (
    "return await list_rows(request, params_kw, '{{modulename}}', '{{summary[0].name}}'"
    "{% if sortby %}, {{json.dumps(sortby, ensure_ascii=False)}}{% endif %})\n"
)
_OWNERS = ("app", "pipeline_core", "pipeline_ops", "pipeline_dist")
_MARK = "return await list_rows(request, params_kw, "
_WRITE_TEMPLATES = ("data_new_tmpl", "data_update_tmpl", "data_delete_tmpl")
_WRITE_URLS = ("new_data_url", "update_data_url", "delete_data_url")
# What this host's lists can do beyond the page format, and rows that a screen shows: xls2ui has
# a page size of its own in its template.
_PAGE_SIZE = re.compile(r'"page_rows":\s*\d+,')
_ABILITIES = '"page_rows":50,\n\t\t"searchable":true,\n\t\t"exportable":true,'
_VIEWS = '\n\t\t"list":%s,\n\t\t"views":{{list_views(%s)|tojson}},'
_LABEL = '\n\t\t"record_label":%s,'
_IMPORT = '\n\t\t"import_url":"/appbase/import_rows.dspy",\n\t\t"import_table":"%s",'
# Ways of xls2ui that end in SQL made from the request; list_rows does not know them.
_UNSUPPORTED = ("relation", "logined_userid", "logined_userorgid", "confidential_fields")


class DefinitionError(Exception):
    """A CRUD definition cannot be built; the message names the file and what to change."""


def build(module: str, root: Path = ROOT) -> list[str]:
    """
    Make the pages of *module* in its `wwwroot/<table>/`; the names of the files that changed.

    Files whose content stays the same are not touched. Pages whose definition is gone are
    removed. Raises DefinitionError.
    """
    folder = root / module
    definitions = sorted((folder / "json").glob("*.json"))
    names = {path: _check_definition(path, module) for path in definitions}
    with tempfile.TemporaryDirectory() as scratch:
        if definitions:
            _generate(module, root, definitions, Path(scratch))
        changes = _copy(Path(scratch), folder / "wwwroot", set(names.values()))
    return changes + _remove_stale(folder / "wwwroot", set(names.values()))


def _check_definition(path: Path, module: str) -> str:
    try:
        definition = json.loads(path.read_text("utf-8"))
        name, params = definition["tblname"], definition["params"]
        model = table(name)
    except ValueError as exc:
        raise DefinitionError(f"{path}: {exc}") from exc
    except KeyError as exc:
        raise DefinitionError(f"{path}: {exc} is missing or unknown") from exc
    if model.module != module:
        raise DefinitionError(f"{path}: {name} is a table of {model.module}, not of {module}")
    if unsupported := [key for key in _UNSUPPORTED if params.get(key)]:
        raise DefinitionError(f"{path}: {', '.join(unsupported)} is not supported here")
    if not params.get("noedit") and (missing := [k for k in _WRITE_URLS if not params.get(k)]):
        raise DefinitionError(f"{path}: {', '.join(missing)} must name a hand-written endpoint")
    _check_names(path, model.columns.keys(), params)
    return str(definition.get("alias") or name)


def _check_names(path: Path, columns: Any, params: dict[str, Any]) -> None:
    fields = params.get("browserfields")
    if fields is None:
        raise DefinitionError(f"{path}: browserfields is missing")
    for place, names in {
        "exclouded": fields.get("exclouded", ()),
        "default": fields.get("default", ()),
        "alters": fields.get("alters", ()),
        "cwidth": fields.get("cwidth", ()),
        "editexclouded": params.get("editexclouded", ()),
    }.items():
        if unknown := set(names) - set(columns):
            raise DefinitionError(f"{path}: {place} names no columns: {sorted(unknown)}")


def _generate(module: str, root: Path, definitions: list[Path], output: Path) -> None:
    models = [str(p) for p in sorted(root.glob("*/models")) if p.parent.name in _OWNERS]
    arguments = ["xls2ui", "-m", *models, "-o", str(output), module, *map(str, definitions)]
    output_text = io.StringIO()
    templates = {"get_data_tmpl": _GET_DATA, **dict.fromkeys(_WRITE_TEMPLATES, "")}
    with (
        contextlib.redirect_stdout(output_text),
        _with_values(xls2crud, templates),
        _with_values(sys, {"argv": arguments}),
    ):
        try:
            xls2ui.main()
        except Exception as exc:
            raise DefinitionError(
                f"xls2ui failed for {module}: {type(exc).__name__}: {exc}. It had said:\n"
                + output_text.getvalue()[-2000:]
            ) from exc


@contextlib.contextmanager
def _with_values(place: Any, values: dict[str, Any]) -> Any:
    before = {name: getattr(place, name) for name in values}
    for name, value in values.items():
        setattr(place, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(place, name, value)


def _copy(source: Path, target: Path, names: set[str]) -> list[str]:
    changes = []
    for name in sorted(names):
        (target / name).mkdir(parents=True, exist_ok=True)
        for entry in _entries(source / name):
            place = target / name / entry.name
            if place.exists() and filecmp.cmp(entry, place, shallow=False):
                continue
            shutil.copyfile(entry, place)
            changes.append(f"{name}/{entry.name}")
    return changes


def _entries(folder: Path) -> list[Path]:
    entries = []
    for entry in sorted(folder.iterdir()):
        if re.match(r"(add|new|update|delete)_", entry.name):
            continue
        text = entry.read_text("utf-8").strip() + "\n"
        if entry.suffix == ".ui":
            # The page has blank lines where xls2ui left template branches out.
            text = re.sub(r"\n\s*\n+", "\n", text)
            text = _with_abilities(text, folder.name)
        entry.write_text(text, "utf-8")
        entries.append(entry)
    return entries


def _with_abilities(text: str, table_name: str) -> str:
    model = table(table_name)
    name = json.dumps(table_name)
    abilities = _ABILITIES + _LABEL % json.dumps(model.label) + _VIEWS % (name, name)
    if model.importable:
        abilities += _IMPORT % table_name
    return _PAGE_SIZE.sub(abilities, text, count=1)


def _remove_stale(target: Path, names: set[str]) -> list[str]:
    stale_names = []
    for script in sorted(target.glob("*/get_*.dspy")):
        folder = script.parent
        is_ours = script.read_text("utf-8").startswith(_MARK)
        if folder.name in names or not is_ours:
            continue
        for file in (script, folder / "index.ui"):
            file.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
        stale_names.append(f"{folder.name} (removed)")
    return stale_names


def main() -> None:
    """Entry point of `python -m app.build.pages`."""
    parser = argparse.ArgumentParser(description="Make the list pages of the modules.")
    parser.add_argument("modules", nargs="+", metavar="module")
    try:
        for module in parser.parse_args().modules:
            changes = build(module)
            print(f"{module}: {', '.join(changes) or 'nothing changed'}")
    except DefinitionError as exc:
        sys.exit(f"build_pages: {exc}")


if __name__ == "__main__":
    main()
