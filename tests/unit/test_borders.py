"""Every file stands in a room, and knows only rooms below its own and nobody's tables above it."""

import ast

from tests.support.rooms import (
    FACE,
    MODULES,
    RANK,
    RANKS,
    Arrow,
    arrows,
    files,
    names_table,
    room,
    strings,
    tables_named_from_below,
)


def points_up(arrow: Arrow) -> bool:
    origin, target = room(arrow.file), room(arrow.target)
    assert origin is not None, f"{arrow.file} stands in no room"
    assert target is not None
    return origin != target and RANK[target] >= RANK[origin]


def test_every_file_stands_in_a_room():
    outside = [
        name
        for name, path in files().items()
        if room(name) is None and (path.name != "__init__.py" or "import " in path.read_text())
    ]

    assert outside == []


def test_every_room_is_there():
    assert [
        known_room for known_room in RANK if not any(room(name) == known_room for name in files())
    ] == []
    assert len(RANK) == sum(map(len, RANKS))


def test_arrows_point_down():
    assert [arrow for arrow in arrows() if points_up(arrow)] == []


def test_modules_know_the_host_by_its_face_only():
    assert [
        arrow
        for arrow in arrows()
        if arrow.file.startswith(MODULES) and arrow.target.startswith("app.")
        if arrow.target != FACE
    ] == []


def test_no_files_import_each_other_in_a_circle():
    below: dict[str, set[str]] = {name: set() for name in files()}
    for arrow in arrows():
        below[arrow.file].add(arrow.target)
    while leaves := {name for name, imports_of in below.items() if not imports_of}:
        below = {
            name: imports_of - leaves for name, imports_of in below.items() if name not in leaves
        }

    assert below == {}


def test_nobody_names_tables_of_a_module_above():
    assert tables_named_from_below() == ()


def test_a_table_is_named_by_sql_or_by_its_name_alone():
    assert names_table("select 1 from pipelines p join distributors d", "distributors")
    assert names_table("pipelines", "pipelines")
    assert not names_table("There are no pipelines yet.", "pipelines")


def test_dynamic_imports_and_names_in_strings_are_arrows():
    assert Arrow("pipeline_ops.init", "pipeline_ops.ledger.check") in arrows()
    assert Arrow("app.db.sqlor", "app.db.errors") in arrows()


def test_docstrings_are_no_arrows():
    tree = ast.parse('"""See app.cli.start."""\nx = "app.db.pool"')

    assert list(strings(tree)) == ["app.db.pool"]
