"""The copy of code, pages and settings that a set of workers is made of."""

import json
from pathlib import Path
from typing import Any

import certifi
import pytest

from app.base.settings import load_settings
from app.runtime.generation import generations_folder, remove_generations, take_generation
from app.runtime.workers import Workers


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name, text in {
        "app/wwwroot/page.ui": "old page",
        "app/frontend/node_modules/big.js": "not needed",
        "pipeline_core/pipeline_core/code.py": "old code",
        "pyproject.toml": "",
        "conf/config.json": json.dumps(
            {"databases": {"pipeline": {"kwargs": {"host": "db"}}}, "website": {"port": 9191}}
        ),
        "conf/local.json": json.dumps({"website": {"port": 9292}}),
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_what_changes_in_the_checkout_changes_no_generation(tmp_path: Path, checkout: Path) -> None:
    first = take_generation(tmp_path / "var", {}, checkout)
    (checkout / "app/wwwroot/page.ui").write_text("new page")
    (checkout / "conf/local.json").write_text(json.dumps({"website": {"port": 9393}}))
    second = take_generation(tmp_path / "var", {}, checkout)

    assert (first / "app/wwwroot/page.ui").read_text() == "old page"
    assert (second / "app/wwwroot/page.ui").read_text() == "new page"
    assert not (first / "app/frontend").exists()
    workers = Workers(tmp_path / "var")
    ports = [load_settings(workers.environment(root, {})).port for root in (first, second)]
    assert ports == [9292, 9393]


def test_files_that_settings_name_are_found_from_a_generation(
    tmp_path: Path, checkout: Path
) -> None:
    authority = checkout / "conf/db-ca.pem"
    authority.write_text(Path(certifi.where()).read_text())
    tls = {"ca": "conf/db-ca.pem", "verify": True}
    local: dict[str, Any] = {"databases": {"pipeline": {"kwargs": {"ssl": tls}}}}
    local["pipeline"] = {"archive_folder": "archive"}
    (checkout / "conf/local.json").write_text(json.dumps(local))

    root = take_generation(tmp_path / "var", {}, checkout)

    env = Workers(tmp_path / "var").environment(root, {})
    config = load_settings(env)
    assert config.pipeline_database.tls is not None
    assert config.pipeline_database.tls.ca == str(authority)
    assert config.options.archive_folder == str(checkout / "archive")


def test_only_the_generations_in_use_stay(tmp_path: Path, checkout: Path) -> None:
    first = take_generation(tmp_path, {}, checkout)
    second = take_generation(tmp_path, {}, checkout)
    (generations_folder(tmp_path) / "1.new").mkdir()

    remove_generations(tmp_path, {second})

    assert not first.exists()
    assert list(generations_folder(tmp_path).iterdir()) == [second]


def test_a_copy_that_fails_leaves_nothing_and_tells_the_file(
    tmp_path: Path, checkout: Path
) -> None:
    (checkout / "app/wwwroot/pipe").symlink_to("missing")
    (checkout / "conf/config.json").unlink()

    with pytest.raises(OSError, match=r"config\.json"):
        take_generation(tmp_path, {}, checkout)

    assert list(generations_folder(tmp_path).iterdir()) == []


def test_the_next_reloads_generation_is_not_removed_by_the_one_before(
    tmp_path: Path, checkout: Path
) -> None:
    first, second, third = (take_generation(tmp_path, {}, checkout) for _ in range(3))
    (draft := third.with_name("4.new")).mkdir()

    remove_generations(tmp_path, {second})

    assert (first.exists(), second.exists(), third.exists()) == (False, True, True)
    assert draft.exists()
