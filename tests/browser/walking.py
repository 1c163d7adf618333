"""Following every link of the application as one user, and what was refusals on the way."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Page, Response

from tests.browser.every_page import open_page, settle

_LINKS = (
    "() => [...document.querySelectorAll('a[href^=\"#/\"]')]"
    ".map(link => link.getAttribute('href').slice(1))"
)
# What is not pressed: what has nothing behind it but this page, and what would leave the place.
_UNPRESSED = frozenset({"submit", "cancel", "logout", "help", "print"})
MAX_PAGES = 60


@dataclass
class Walk:
    """A walk over all that can be reached: the pages pages, and the requests answered 403."""

    page: Page
    pages: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    _place: str = ""

    def follow_all(self) -> None:
        """Open every page that a link leads to, and press all that can be pressed on it."""
        self.page.on("response", self._note)
        waiting = ["/dashboard.ui", "/account.ui"]
        kinds = {kind_of(start) for start in waiting}
        while waiting and len(self.pages) < MAX_PAGES:
            address = waiting.pop(0)
            self.pages.append(address)
            for link in self._look_around(address):
                if kind_of(link) not in kinds:
                    kinds.add(kind_of(link))
                    waiting.append(link)
        self.page.remove_listener("response", self._note)

    def _note(self, response: Response) -> None:
        if response.status == 403:
            self.refusals.append(f"{self._place}: {urlsplit(response.url).path}")

    def _look_around(self, address: str) -> list[str]:
        self._place = address
        open_page(self.page, address)
        links = self._links()
        tabs = self.page.locator("#main [role=tab]")
        for number in range(tabs.count()):
            self._place = f"{address} {tabs.nth(number).text_content()}"
            tabs.nth(number).click()
            settle(self.page)
            links += self._links() + self._press_all(address, number)
        return links + (self._press_all(address) if not tabs.count() else [])

    def _press_all(self, address: str, tab: int | None = None) -> list[str]:
        """Press each button once, where what they need is marked; return where they led."""
        cell = self.page.locator("#main .tabular tbody tr td:nth-child(3)").first
        if cell.count() and cell.is_visible():
            cell.click()
            settle(self.page)
        names = [
            one.get_attribute("data-tool") or ""
            for one in self.page.locator("#main [data-tool]:enabled:visible").all()
        ]
        links, start = [], self.page.url
        for name in dict.fromkeys(names):
            if name in _UNPRESSED:
                continue
            self._place = f"{address} [{name}]"
            button = self.page.locator(f"#main [data-tool='{name}']:enabled:visible").first
            if not button.count():
                continue
            button.click()
            self.page.wait_for_timeout(100)  # the code of a window may be still to come
            settle(self.page)
            links += self._links()
            self._close_all()
            if (
                urlsplit(self.page.url).fragment.split("?")[0]
                != urlsplit(start).fragment.split("?")[0]
            ):
                links.append(urlsplit(self.page.url).fragment)
                open_page(self.page, address)
                if tab is not None:
                    self.page.locator("#main [role=tab]").nth(tab).click()
                    settle(self.page)
        return links

    def _links(self) -> list[str]:
        return list(self.page.evaluate(_LINKS))

    def _close_all(self) -> None:
        for other in self.page.context.pages:
            if other is not self.page:
                other.close()
        layers = self.page.locator("dialog[open], .popover-box:popover-open")
        for _ in range(6):
            if not layers.count():
                return
            alert = self.page.get_by_role("alertdialog")
            if alert.count():
                alert.locator(".box-buttons button").last.click()
            else:
                self.page.keyboard.press("Escape")
            self.page.wait_for_timeout(50)


def kind_of(address: str) -> str:
    """Pages that differ in nothing but whose they are count as one."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query))
    names = sorted(name for name in query if name not in ("call",))
    return f"{parts.path.rstrip('/')}?{','.join(names)}&{query.get('tab', '')}"
