"""A refusal as a page a person can read, when a browser was sent to the address."""

from urllib.parse import quote

from aiohttp import web

from app.access.request_context import CONTEXT
from app.base.errors import AppError
from app.base.i18n import translate
from app.base.json_codec import to_json
from app.server.templates import with_frame
from app.web.request import wants_page
from app.web.responses import is_page

LOGIN_PAGE = "/login.ui"


async def error_page(request: web.Request, error: AppError) -> web.StreamResponse | None:
    """
    Return a framed page that says what is wrong, or None when a program asks.

    Who is not signed in is sent to the login page, and back afterwards.
    """
    context = request[CONTEXT]
    if is_page(context.params) or "_webbricks_" in request.query:
        return None
    # The site's address itself leads to the login page whatever the caller says to accept.
    if not wants_page(request) and request.path != "/":
        return None
    if context.is_for_programs:
        return None
    if error.status == 401 and request.path != LOGIN_PAGE:
        back = quote(request.raw_path, safe="/")
        return web.HTTPFound(f"{LOGIN_PAGE}?next={back}")
    page = {
        "widgettype": "ErrorPage",
        "options": {
            "status": error.status,
            "code": error.code,
            "message": translate(error.text, context.lang),
            "request_id": context.request_id,
        },
    }
    try:
        response = await with_frame(request, to_json(page), error.status)
    except Exception:  # noqa: BLE001  without its frame the plain answer is still right
        return None
    response.headers.update(error.headers)
    return response
