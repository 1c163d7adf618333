"""What the schema is, apart from any database: the statements that migrate's mark is made of."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.db.schema_state import fingerprint
from app.schema import plan as schema_plan
from app.schema.tables import model_paths, read_tables


@pytest.fixture
def mark() -> str:
    """The mark of the schema as it is."""
    return fingerprint.__wrapped__()


def with_models(
    folder: Path, monkeypatch: pytest.MonkeyPatch, old: str = "", new: str = "", **style: Any
) -> None:
    """Let the plan see the models as they are written in *style*, with *old* replaced by *new*."""
    paths = []
    for path in model_paths():
        copy = folder / path.parent.parent.name / "models" / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(json.loads(path.read_text("utf-8")), **style)
        copy.write_text(text.replace(old, new) if old else text, "utf-8")
        paths.append(copy)
    models = read_tables(paths)
    monkeypatch.setattr(schema_plan, "tables", lambda: models)


def test_formatting_changes_no_mark(mark, tmp_path, monkeypatch):
    with_models(tmp_path, monkeypatch, '"  then"', '"", "  then  "', indent=7)

    assert fingerprint.__wrapped__() == mark


def test_what_the_database_does_not_see_changes_no_mark(mark, tmp_path, monkeypatch):
    with_models(tmp_path, monkeypatch, '"serves": "', '"serves": "also ')

    assert fingerprint.__wrapped__() == mark


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"length": 255', '"length": 250'),
        ('"nullable": "yes"', '"nullable": "no"'),
        ('"idxtype": "unique"', '"idxtype": "index"'),
        ('"collation": "names"', '"collation": "utf8mb4_bin"'),
        ('"primary": ["id"]', '"primary": ["created_at"]'),
        ("version_no >= 1", "version_no >= 2"),
        ('"name": "keep_content"', '"name": "kept_content"'),
        ("new.checksum <=> old.checksum", "new.checksum = old.checksum"),
        ("case when status = 'published'", "case when status = 'saved'"),
    ],
)
def test_a_changed_column_index_key_or_constraint_changes_the_mark(
    mark, tmp_path, monkeypatch, old, new
):
    with_models(tmp_path, monkeypatch, old, new)

    assert fingerprint.__wrapped__() != mark
