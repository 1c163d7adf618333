"""A small HTTP client for the demo: an administrator's session on the running application."""

import json
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

from app.runtime.terminal import CommandError

# The session's cookie is Secure where `public_url` is https. Here it never leaves the machine, and
# there is no https on it: the proxy that does it stands before the application.
_ON_THIS_MACHINE = DefaultCookiePolicy(secure_protocols=("https", "http"))


class Client:
    """Talks to one running application; what is refused becomes a CommandError."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # the application runs on this machine
            urllib.request.HTTPCookieProcessor(CookieJar(_ON_THIS_MACHINE)),
        )

    def sign_in(self, username: str, password: str) -> None:
        """Open the session."""
        self.post("/login.dspy", {"username": username, "password": password})

    def post(self, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Send *fields* as JSON; the record that is answered."""
        status, answer = self._send(path, json.dumps(fields).encode())
        if status >= 300:
            raise self._refusal(path, status, answer)
        record: dict[str, Any] = answer.get("data", answer)
        return record

    def find(self, module: str, table: str, **values: Any) -> dict[str, Any] | None:
        """Return the one row with these *values*, or None."""
        query = urllib.parse.urlencode({**values, "page": 1, "rows": 2})
        path = f"/{module}/{table}/get_{table}.dspy?{query}"
        status, answer = self._send(path)
        if status >= 300:
            raise self._refusal(path, status, answer)
        rows: list[dict[str, Any]] = answer.get("rows") or []
        return rows[0] if rows else None

    def key_works(self, api_key: str) -> bool:
        """Return whether the distributor API lets *api_key* in."""
        headers = {"Authorization": f"Bearer {api_key}"}
        status, _ = self._send("/pipeline_dist/v1/me", headers=headers)
        return status == 200

    def _send(
        self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(self.base_url + path, data=body, headers=headers or {})
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer.status, _parse(answer.read())
        except urllib.error.HTTPError as exc:
            return exc.code, _parse(exc.read())
        except OSError as exc:
            raise CommandError(
                f"Nothing answers at {self.base_url} ({exc}). Run start.sh first.",
                f"{self.base_url} 没有响应（{exc}）。请先执行 start.sh。",
            ) from None

    def _refusal(self, path: str, status: int, answer: dict[str, Any]) -> CommandError:
        problems = "; ".join(str(item.get("detail")) for item in answer.get("errors") or [])
        why = f"{answer.get('detail') or answer} {problems}".strip()
        return CommandError(f"{path} answered {status}: {why}", f"{path} 返回 {status}：{why}")


def _parse(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {"detail": body[:300].decode("utf-8", "replace")}
    return value if isinstance(value, dict) else {"data": value}
