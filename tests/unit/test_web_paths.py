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


def test_files_named_by_their_content_are_served_of_other_generations_too(tmp_path):
    """While a reload is under way, a page of the new workers is asked of an old one."""
    own, other = tmp_path / "2/app/wwwroot", tmp_path / "1/app/wwwroot"
    for root in (own, other):
        (root / "bricks").mkdir(parents=True)
    for name in ("main-abcd1234.js", "page.ui", "plain.js"):
        (other / "bricks" / name).write_text("")
    paths = WebPaths(own, ("index.ui",), {}, lambda: [own, other])

    target = paths.find("/bricks/main-abcd1234.js")

    assert target is not None
    assert target.file == other / "bricks/main-abcd1234.js"
    assert paths.find("/bricks/page.ui") is None
    assert paths.find("/bricks/plain.js") is None
    assert paths.find("/bricks/main-00000000.js") is None
