"""
Browsers that a user has signed in from: they carry a cookie that says so.

It opens nothing. It only decides which failures hold up the next try to sign in as this user
(app/access/lockout.py), so that nobody can be kept out by others who guess at a name. It holds
for the one user, the present password and the second factor that was in force, and is sealed with
the installation's session secret.
"""

import secrets
from datetime import timedelta

from aiohttp import web

from app.access.sessions import SESSIONS

COOKIE = "pipeline_browser"
# The only place where it is looked at; so it makes no other request longer.
PATH = "/login.dspy"
LIFE = timedelta(days=180)


def known_browser(request: web.Request, credentials: str) -> str | None:
    """Return the id of the browser, if the user of *credentials* (of all that is proved by signing
    in) has signed in from it with them."""
    browser, _, seal = request.cookies.get(COOKIE, "").partition(".")
    if not browser or not request.app[SESSIONS].is_sealed(_text(browser, credentials), seal):
        return None
    return browser


def remember_browser(request: web.Request, response: web.StreamResponse, credentials: str) -> None:
    """Let the browser say from now on that the user of *credentials* has signed in from it."""
    sessions = request.app[SESSIONS]
    browser = secrets.token_urlsafe(16)
    response.set_cookie(
        COOKIE,
        f"{browser}.{sessions.seal(_text(browser, credentials))}",
        httponly=True,
        samesite="Lax",
        path=PATH,
        secure=sessions.is_https,
        max_age=int(LIFE.total_seconds()),
    )


def _text(browser: str, credentials: str) -> str:
    return f"browser:{browser}:{credentials}"
