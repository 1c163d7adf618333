"""
Pages without what their reader may not do.

A page names the addresses of its tools; a tool whose address is refused to the reader would only
lead to "not allowed", so it is left out. The right itself is checked at the address, as always.
"""

import json
from collections.abc import Callable
from typing import Any

_WRITE_URLS = ("new_data_url", "update_data_url", "delete_data_url", "add_url", "update_url",
               "delete_url", "import_url")  # fmt: skip

# Lists of links: of the menu, of what a page leads to. `may` names an address that is no link, but
# without which the link, or a tool, would be of no use.
_LINK_LISTS = ("menu", "items", "actions", "counts", "concerns", "first_steps")
_LINKS = ("url", "data_url", "may")

May = Callable[[str], bool]


def without_refused_tools(text: str, may: May) -> str:
    """Return the page *text* (JSON) without edit addresses, tools and links that *may* refuses.

    Text that is no JSON, and a page that loses nothing, come back as they are."""
    try:
        page = json.loads(text)
    except ValueError:
        return text
    trimmer = _Trimmer(may)
    trimmer.walk(page)
    return json.dumps(page, ensure_ascii=False) if trimmer.is_changed else text


class _Trimmer:
    def __init__(self, may: May) -> None:
        self._may = may
        self.is_changed = False

    def walk(self, node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                self.walk(item)
        elif isinstance(node, dict):
            if isinstance(node.get("options"), dict):
                self._widget(node, node["options"])
            for value in node.values():
                if isinstance(value, dict | list):
                    self.walk(value)

    def _drop_links(self, options: dict[str, Any]) -> None:
        for name in _LINK_LISTS:
            links = options.get(name)
            if not isinstance(links, list) or not all(isinstance(one, dict) for one in links):
                continue
            for group in links:
                self._drop_links(group)
            options[name] = remaining = [one for one in links if self._leads_on(one)]
            self.is_changed |= len(remaining) < len(links)

    def _leads_on(self, link: dict[str, Any]) -> bool:
        # A group of links whose every one was dropped leads nowhere either.
        return link.get("items") != [] and all(self._open(link.get(name)) for name in _LINKS)

    def _widget(self, widget: dict[str, Any], options: dict[str, Any]) -> None:
        for place in (options.get("editable"), options):
            if isinstance(place, dict):
                self._drop_urls(place)
        self._drop_links(options)
        toolbar = options.get("toolbar")
        tools = toolbar.get("tools") if isinstance(toolbar, dict) else None
        if isinstance(tools, list):
            refused_events = self._refused_events(widget.get("binds"))
            remaining = [
                tool
                for tool in tools
                if _of(tool, "name") not in refused_events and self._open(_of(tool, "may"))
            ]
            if len(remaining) < len(tools):
                toolbar["tools"] = remaining  # type: ignore[index]  # a dict, or there were no tools
                self.is_changed = True

    def _drop_urls(self, place: dict[str, Any]) -> None:
        for name in _WRITE_URLS:
            if not self._open(place.get(name)):
                del place[name]
                self.is_changed = True

    def _refused_events(self, binds: Any) -> set[Any]:
        """Return events whose every bind leads where the reader may not go."""
        binds_by_event: dict[Any, list[bool]] = {}
        for bind in binds if isinstance(binds, list) else []:
            if isinstance(bind, dict):
                options = bind.get("options")
                url = options.get("url") if isinstance(options, dict) else None
                binds_by_event.setdefault(bind.get("event"), []).append(self._open(url))
        return {event for event, opens in binds_by_event.items() if not any(opens)}

    def _open(self, url: Any) -> bool:
        if not isinstance(url, str) or not url.startswith("/"):
            return True
        return self._may(url.partition("?")[0])


def _of(tool: Any, name: str) -> Any:
    return tool.get(name) if isinstance(tool, dict) else None
