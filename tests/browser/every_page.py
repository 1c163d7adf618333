"""All pages of the application with something on each, every text as hostile as its column lets."""

import os
from dataclasses import dataclass
from zlib import crc32

from playwright.sync_api import BrowserContext, Locator, Page, expect

from app.base.settings import ROOT
from tests.browser.slowness import slow_down
from tests.support.installation import Installation
from tests.support.selling import post

# `bash tests/run.sh pages` looks at every page and window in every language, theme and width. Else
# each is looked at once, each language, theme and width at some of them, and what all lists have
# alike at one list.
IS_WHOLE = "PIPELINE_TEST_PAGES" in os.environ
SHOTS = ROOT / "var" / "test-logs" / "pages"
AXE = ROOT / "app" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
CODE = "hostile"
HOSTILE = "<img src=x onerror=window.hacked=1>{{7*7}}${id}$</script>"
LISTS = (
    "/pipeline_core/pipelines",
    "/pipeline_core/pipeline_steps",
    "/pipeline_core/pipeline_versions",
    "/pipeline_ops/pipeline_pricing",
    "/pipeline_ops/pipeline_capacity",
    "/pipeline_ops/pipeline_usage_log",
    "/pipeline_dist/distributors",
    "/pipeline_dist/distributor_pipeline",
    "/app_audit",
)


@dataclass(frozen=True)
class Things:
    """Ids of what `hostile_things` has made."""

    pipeline: str
    distributor: str

    @property
    def pages(self) -> tuple[str, ...]:
        """The addresses of every page that stands by itself."""
        return (
            "/dashboard.ui",
            *LISTS,
            "/pipeline_ops/calls.ui?period=all",
            "/rights.ui",
            "/users.ui",
            "/account.ui",
            f"/pipeline_core/line.ui?pipeline_id={self.pipeline}",
            f"/pipeline_dist/distributor.ui?distributor_id={self.distributor}",
        )


def hostile_things(server: Installation) -> Things:
    """One record in each table, with hostile words in every text column that takes them."""
    admin = server.admin
    core, ops, dist = (f"/pipeline_{name}/api" for name in ("core", "ops", "dist"))
    pipeline = post(
        admin, f"{core}/pipelines_create.dspy", code=CODE, name=HOSTILE,
        description=f"{HOSTILE}\n{HOSTILE}",
    )["id"]  # fmt: skip
    post(
        admin, f"{core}/pipeline_steps_create.dspy", pipeline_id=pipeline, step_key="s1",
        name=HOSTILE, step_type="model", model=HOSTILE,
        config={"prompt": HOSTILE},
    )  # fmt: skip
    post(
        admin, f"{ops}/pipeline_pricing_create.dspy", pipeline_id=pipeline, unit="${id}$</script>",
        model=HOSTILE, unit_price="1.5",
    )  # fmt: skip
    post(admin, f"{ops}/pipeline_capacity_create.dspy", pipeline_id=pipeline, daily_quota=9)
    post(admin, f"{core}/pipeline_publish.dspy", pipeline_id=pipeline, notes=HOSTILE)
    distributor = post(
        admin, f"{dist}/distributors_create.dspy", code=CODE, name=HOSTILE,
        contact=HOSTILE,
    )["id"]  # fmt: skip
    post(
        admin, f"{dist}/distributor_pipeline_create.dspy", distributor_id=distributor,
        pipeline_id=pipeline, pricing_mode="discount", discount_rate="0.85",
    )  # fmt: skip
    post(
        admin, f"{ops}/pipeline_usage_log_create.dspy", pipeline_id=pipeline, status="failed",
        unit="${id}$</script>", model=HOSTILE, quantity="2", remark=HOSTILE, error=HOSTILE,
        client_ref=HOSTILE, distributor_id=distributor,
    )  # fmt: skip
    return Things(pipeline, distributor)


# Playwright's own "networkidle" takes half a second more each time.
_COUNT_REQUESTS = """
(() => {
  const fetch = window.fetch;
  const text = Response.prototype.text;
  let open = 0, last = performance.now();
  const counted = async (work) => {
    open += 1;
    try {
      return await work();
    } finally {
      open -= 1;
      last = performance.now();
    }
  };
  window.fetch = (...given) => counted(() => fetch(...given));
  Response.prototype.text = function () { return counted(() => text.call(this)); };
  window.isQuiet = (kept) => open === kept && performance.now() - last > 100;
})()
"""


def new_page(context: BrowserContext) -> Page:
    """A tab for `open_page` and `settle`."""
    page = context.new_page()
    page.add_init_script(_COUNT_REQUESTS)
    slow_down(page)
    return page


def settle(page: Page, but_for: int = 0) -> None:
    """Wait until the page has had all its answers, *but_for* so many that the test keeps back, and
    asked for nothing more for a while."""
    page.wait_for_function("kept => isQuiet(kept)", arg=but_for)


def window_in_front(page: Page) -> Locator:
    """The window in front, when it is open and has all that it shows."""
    expect(page.locator("dialog[open]").last).to_be_visible()
    settle(page)
    expect(page.locator("dialog[open] [aria-busy=true]")).to_have_count(0)
    return page.locator("dialog[open]").last


def open_page(page: Page, address: str) -> None:
    """Show the page at *address* in the shell and wait until nothing loads any more."""
    page.goto(f"/#{address}")
    page.wait_for_function(
        "() => { const shell = document.getElementById('shell')?.bricks_widget;"
        " return shell && shell.shownHash === location.hash"
        " && !document.querySelector('#main[aria-busy=true], #main [aria-busy=true]')"
        " && document.querySelector('#main > *'); }"
    )
    settle(page)


# Of the rules, those whose impact may be serious at all: a third of them is thrown away below.
_SERIOUS_RULES = (
    "window.seriousRules = axe._audit.rules"
    ".filter(one => one.enabled && ['serious', 'critical'].includes(one.impact))"
    ".map(one => one.id)"
)
_RUN_AXE = (
    # A window stands alone: what is behind it can't be reached, and was looked at without it.
    "async (options) => (await axe.run("
    "[...document.querySelectorAll('dialog[open], .popover-box:popover-open')].pop() ?? document,"
    " {resultTypes: ['violations'], runOnly: {type: 'rule', values: seriousRules}, ...options}))"
    ".violations"
    ".filter(one => ['serious', 'critical'].includes(one.impact))"
    '.map(one => one.id + ": " + one.nodes.slice(0, 3)'
    '.map(n => n.html.slice(0, 160)).join(" | "))'
)
# What of axe's rules depends on colours, the only thing that a theme changes.
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def serious_problems(page: Page, *, this_theme: bool = True, other_theme: bool = True) -> list[str]:
    """What axe-core finds serious or worse on what is shown now, in both themes or in one."""
    if not page.evaluate("'axe' in window"):
        # As the debugger does it, so the page's own policy is not in the way.
        page.evaluate(AXE.read_text("utf-8"))
        page.evaluate(_SERIOUS_RULES)
    result = list(page.evaluate(_RUN_AXE, {})) if this_theme else []
    if not other_theme:
        return result
    theme = page.evaluate("document.documentElement.dataset.theme")
    is_dark = page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    other = "light" if is_dark else "dark"
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", other)
    options = _COLOURS if this_theme else {}
    result += [f"{other}: {one}" for one in page.evaluate(_RUN_AXE, options)]
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    return result


def keep_picture(page: Page, name: str) -> None:
    """With PIPELINE_TEST_PICTURES, keep a picture of what is shown now, for people to look at."""
    if "PIPELINE_TEST_PICTURES" in os.environ:
        language = (page.locator("html").get_attribute("lang") or "")[:2]
        page.screenshot(path=SHOTS / f"{name.strip('/').replace('/', '-')}-{language}.png")


def is_english(page: Page) -> bool:
    """Say whether the page is in English."""
    return (page.locator("html").get_attribute("lang") or "").startswith("en")


def check(page: Page, name: str, *, other_theme: bool = True, is_new: bool = True) -> list[str]:
    """
    What is wrong with what is shown now.

    Without *other_theme* in the present theme, for what is looked at in both languages, each of
    which has a theme of its own; else in both, or in one of them: by its name, so that what fails
    is tried again in the same. Of what is not *is_new*, its kind was looked at, only the words are
    read.
    """
    keep_picture(page, name)
    problems = []
    if IS_WHOLE:
        problems += serious_problems(page, other_theme=other_theme)
    elif is_new:
        is_other = other_theme and crc32(name.encode()) % 2 == 1
        problems += serious_problems(page, this_theme=not is_other, other_theme=is_other)
    problems = [f"{name}: {one}" for one in problems]
    problems += [
        f"{name}: untranslated: {one}"
        for one in page.evaluate("bricks.untranslated()")
        if HOSTILE not in one  # it is a record's own word
    ]
    if page.evaluate("window.hacked") is not None:
        problems.append(f"{name}: stored text has run")
    return problems
