"""A URL path means one file, in one spelling."""

from pathlib import Path

import pytest

from app.access.paths import WebPaths, plain_path
from app.base.errors import NotFound


@pytest.fixture
def paths(tmp_path: Path) -> WebPaths:
    root, module = tmp_path / "wwwroot", tmp_path / "module"
    for file in (
        root / "index.ui",
        root / "page.ui",
        root / "folder" / "index.dspy",
        root / ".secret.ui",
        module / "list" / "index.ui",
        tmp_path / "outside.ui",
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    (root / "link.ui").symlink_to(tmp_path / "outside.ui")
    (root / "linked").symlink_to(tmp_path)
    return WebPaths(root, ("index.ui", "index.dspy"), {"mod": module})


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/", "/index.ui"),
        ("/page.ui", "/page.ui"),
        ("/folder", "/folder/index.dspy"),
        ("/mod/list", "/mod/list/index.ui"),
        ("/mod/list/", "/mod/list/index.ui"),
    ],
)
def test_a_path_is_its_file_or_its_folders_index(paths, path, url):
    file = paths.find(path)

    assert file is not None
    assert file.url == url


@pytest.mark.parametrize(
    "path",
    [
        "/page.ui/",
        "/link.ui",
        "/linked/outside.ui",
        "/nothing.ui",
        "/folder/page.ui",
        "/mod",
        "/folder/",  # a script's folder has one address
        "/folder/index.dspy",
    ],
)
def test_what_is_no_file_of_its_own_is_not_found(paths, path):
    assert paths.find(path) is None


@pytest.mark.parametrize(
    "raw",
    [
        "//page.ui",
        "/./page.ui",
        "/a/../page.ui",
        "/%2e%2e/x",
        "/a/..%2fx",
        "/page.ui%3fa.css",
        "/%252e/x",
        "/a\\b",
        "/a%00",
        "/.secret.ui",
        "/a%2f%2fb",
        "/folder%2F",
        "/folder%2fpage.ui",
        "/page.ui~",
        "page.ui",
        "/%ff",
    ],
)
def test_other_spellings_are_refused(raw):
    with pytest.raises(NotFound):
        plain_path(raw)


def test_chinese_paths_are_decoded_once():
    assert plain_path("/%E4%BA%A7%E7%BA%BF.ui?x=1") == "/产线.ui"
