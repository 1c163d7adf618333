"""
How fast the pages are in a real Chromium on this machine.

    py3/bin/python tests/bench/pages.py [--rounds 5] [--write]

Starts an installation of its own with 10,000 lines; the table of 50 columns and 100 rows comes
from a bench server, so that only the browser is measured. Medians; `--write` puts the table into
docs/performance.md.
"""

import argparse
import gzip
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from app.base.ids import new_id  # noqa: E402
from tests.bench.report import put_section  # noqa: E402
from tests.browser.descriptions import show  # noqa: E402
from tests.browser.page_bench import BRICKS, running_bench  # noqa: E402
from tests.support.chromium import WHOLE, chromium  # noqa: E402
from tests.support.installation import PASSWORDS, Installation  # noqa: E402

PIPELINE_COUNT = 10_000
LIST = "/pipeline_core/pipelines"
LONG_TASKS = """
  window.longTasks = [];
  new PerformanceObserver(list => list.getEntries().forEach(
    entry => window.longTasks.push(entry.duration))).observe({type: 'longtask', buffered: true});
"""
SCROLL = """async () => {
  const box = document.querySelector('.table-scroll');
  window.longTasks.length = 0;
  const until = performance.now() + 6000;
  while (performance.now() < until) {
    box.scrollTop += 90;
    await new Promise(requestAnimationFrame);
  }
  return [Math.max(0, ...window.longTasks), document.querySelector('.pager-input').value];
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        text = run(Path(folder), arguments.rounds)
    sys.stdout.write(text)
    if arguments.write:
        put_section(ROOT / "docs" / "performance.md", "pages", text)


def run(folder: Path, rounds: int) -> str:
    """The table of results, as Markdown."""
    program = chromium(WHOLE)
    installation = Installation(folder)
    installation.mariadb.start()
    try:
        installation.make_databases()
        fill(installation)
        installation.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            results = measure(browser, installation, rounds)
            browser.close()
    finally:
        installation.stop()
        installation.mariadb.stop()
    lines = [f"| {what} | {goal} | {figure} |" for what, goal, figure in results]
    return (
        "## Pages\n\nMedians in Chromium with two workers on the same machine;"
        " `tests/bench/pages.py`.\n\n| what | goal | measured |\n|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )


def fill(installation: Installation) -> None:
    """10,000 pipelines."""
    rows = [(new_id(), f"line-{n:05d}", f"产线 {n}") for n in range(PIPELINE_COUNT)]
    with installation.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into pipelines (id, code, name, status, created_at, updated_at)"
            " values (%s, %s, %s, 'draft', now(3), now(3))",
            rows,
        )


def measure(
    browser: Browser, installation: Installation, rounds: int
) -> list[tuple[str, str, str]]:
    """What was measured: (what, goal, result)."""
    bundle = with_page(browser, installation, bundle_kib)
    first = middle(rounds, lambda: with_page(browser, installation, first_page_ms))
    list_time = middle(rounds, lambda: with_page(browser, installation, list_ms))
    scrolled, pages = with_page(browser, installation, longest_task)
    wide = middle(rounds, lambda: wide_table_ms(browser))
    return [
        ("bundle of the first page, gzip", "< 350 KiB", f"{bundle:.0f} KiB"),
        ("first page from cold to interactive", "< 1,000 ms", f"{first:.0f} ms"),
        ("list of 10,000 rows, page of 50, interactive", "< 500 ms", f"{list_time:.0f} ms"),
        (f"longest task while scrolling to page {pages}", "< 100 ms", f"{scrolled:.0f} ms"),
        ("table of 50 columns and 100 rows drawn", "< 1,000 ms", f"{wide:.0f} ms"),
    ]


def middle(rounds: int, one: Callable[[], float]) -> float:
    """The median of some tries."""
    return statistics.median(one() for _ in range(rounds))


def bundle_kib(page: Page) -> float:
    """Scripts, styles and dictionary that the first page loads, as gzip would send them."""
    first_page_ms(page)
    page.wait_for_load_state("networkidle")
    urls = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    paths = {url.split("/bricks/", 1)[1] for url in urls if "/bricks/" in url}
    return sum(len(gzip.compress((BRICKS / path).read_bytes(), 9)) for path in paths) / 1024


def with_page(browser: Browser, installation: Installation, work: Callable[[Page], Any]) -> Any:
    """What *work* answers for a tab of a fresh profile, signed in."""
    context = browser.new_context(
        base_url=installation.base_url, locale="zh-CN", viewport={"width": 1440, "height": 900}
    )
    context.add_init_script(LONG_TASKS)
    context.request.post("/login.dspy", data={"username": "admin", "password": PASSWORDS["admin"]})
    try:
        return work(context.new_page())
    finally:
        context.close()


def first_page_ms(page: Page) -> float:
    start = time.perf_counter()
    page.goto("/")
    page.locator("#main > *").first.wait_for()
    return (time.perf_counter() - start) * 1000


def list_ms(page: Page) -> float:
    page.goto("/")
    page.locator("#main > *").first.wait_for()
    page.wait_for_load_state("networkidle")
    start = time.perf_counter()
    page.evaluate(f"location.hash = '{LIST}'")
    page.locator("#main tbody tr").nth(49).wait_for()
    page.locator("#main tbody tr").first.click()
    return (time.perf_counter() - start) * 1000


def longest_task(page: Page) -> tuple[float, str]:
    page.goto(f"/#{LIST}")
    page.locator("#main tbody tr").nth(49).wait_for()
    page.wait_for_load_state("networkidle")
    longest, at = page.evaluate(SCROLL)
    return float(longest), str(at)


def wide_table_ms(browser: Browser) -> float:
    names = [f"column_{n}" for n in range(50)]
    rows = [{"id": str(n), **{name: f"{name} {n}" for name in names}} for n in range(100)]
    with running_bench() as bench:
        bench.answers["/get"] = {"total": 100, "rows": rows}
        context = browser.new_context(base_url=bench.base_url)
        page = context.new_page()
        fields = [{"name": name, "title": name, "uitype": "str"} for name in names]
        table = {
            "widgettype": "Tabular",
            "options": {
                "data_url": "/get", "page_rows": 100, "title": "Wide", "height": "100%",
                "row_options": {"fields": fields, "browserfields": {}},
            },
        }  # fmt: skip
        show(page, bench, {"widgettype": "VBox", "id": "holder"})
        milliseconds = page.evaluate(
            """async (table) => {
              const started = performance.now();
              const widget = await bricks.widgetBuild(table);
              bricks.app.add_widget(widget);
              while (document.querySelectorAll('tbody tr').length < 100) {
                await new Promise(requestAnimationFrame);
              }
              document.body.offsetHeight;
              await new Promise(requestAnimationFrame);
              return performance.now() - started;
            }""",
            table,
        )
        context.close()
    return float(milliseconds)


if __name__ == "__main__":
    main()
