"""What programs are told, by headers, of an address or method that is on its way out."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """
    From when on new programs should do without something, at what time it ends (None: not yet
    settled), and what page says how to go on. Both times are in UTC.
    """

    since: datetime
    sunset: datetime | None = None
    page: str

    def headers(self) -> dict[str, str]:
        """Return what every answer tells: Deprecation (RFC 9745), Sunset (RFC 8594), and links."""
        links = [f'<{self.page}>; rel="deprecation"; type="text/html"']
        result = {"Deprecation": f"@{int(self.since.timestamp())}"}
        if self.sunset is not None:
            result["Sunset"] = format_datetime(self.sunset, usegmt=True)
            links.append(f'<{self.page}>; rel="sunset"; type="text/html"')
        return result | {"Link": ", ".join(links)}
