"""Putting a benchmark's table into docs/performance.md, between its two marks."""

import re
from pathlib import Path


def put_section(file: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->`, or append it."""
    before = file.read_text("utf-8") if file.exists() else "# Performance\n"
    block = f"<!-- {name} -->\n{text}<!-- /{name} -->\n"
    pattern = re.compile(rf"<!-- {name} -->\n.*?<!-- /{name} -->\n", re.DOTALL)
    after = pattern.sub(lambda _: block, before) if pattern.search(before) else f"{before}\n{block}"
    file.parent.mkdir(exist_ok=True)
    file.write_text(after, "utf-8")
