"""`manage.py who-may PATH` and `manage.py may USER [PATH]`: rights, and why."""

import argparse
import asyncio
import unicodedata
from collections.abc import Sequence

from app.access.explain import Facts, Find, read_facts, what_may, who_may
from app.access.explain_text import Section, explain_what_may, explain_who_may
from app.access.paths import WebPaths
from app.base.json_codec import to_json
from app.base.settings import settings
from app.db.pool import pools
from app.global_func import MODULES
from app.runtime.terminal import is_chinese


def run_who_may(argv: list[str]) -> int:
    """Print which roles and users may use a path, and which permission says so."""
    parser = _parser(
        "who-may",
        "Which roles and users may use a path, and why. "
        "哪些角色、哪些用户可以使用某个路径，以及依据。",
    )
    parser.add_argument("path", help="such as /pipeline_core/pipelines; 路径")
    args = parser.parse_args(argv)
    answer = who_may(_facts(), args.path, _find())
    _print(answer, explain_who_may(answer, _lang()), as_json=args.json)
    return 0


def run_may(argv: list[str]) -> int:
    """Print what a user may do and through which role, or whether the user may use one path."""
    parser = _parser(
        "may",
        "What a user may do, or whether he may use a path, and why. "
        "某用户可以做什么，或能否使用某个路径，以及依据。",
    )
    parser.add_argument("user", help="the user's name, exactly; 用户名")
    parser.add_argument("path", nargs="?", help="such as /pipeline_core/pipelines; 路径")
    args = parser.parse_args(argv)
    answer = what_may(_facts(), args.user, args.path, _find())
    _print(answer, explain_what_may(answer, _lang()), as_json=args.json)
    return 0


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"manage.py {name}", description=description)
    parser.add_argument("--json", action="store_true", help="one JSON object; 输出 JSON")
    return parser


def _facts() -> Facts:
    async def load() -> Facts:
        try:
            return await read_facts()
        finally:
            await pools().close()

    return asyncio.run(load())


def _find() -> Find:
    config = settings()
    modules = {name: config.root_dir / name / "wwwroot" for name in MODULES}
    return WebPaths(config.web_root, config.indexes, modules).find


def _lang() -> str:
    return "zh" if is_chinese() else "en"


def _print(answer: dict[str, object], sections: Sequence[Section], *, as_json: bool) -> None:
    if as_json:
        print(to_json(answer))
        return
    for section in sections:
        print(section.sentence)
        if section.rows:
            print("\n".join(_table([section.headings, *section.rows])))


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return [
        "  "
        + "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    """Columns of a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
