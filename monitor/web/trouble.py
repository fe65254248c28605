"""What a page cannot show, said as a page to whoever reads pages, and as JSON to programs."""

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from starlette.exceptions import HTTPException

from monitor.web.accept import prefers_html


def told(templates: Environment) -> Callable[[Request, HTTPException], Awaitable[Response]]:
    """The handler of errors: the same sentence and status either way. The API answers JSON whoever asks."""
    page = templates.get_template("trouble.html")

    async def handle(request: Request, error: HTTPException) -> Response:
        if getattr(request.scope.get("route"), "response_class", None) is not HTMLResponse:
            return await http_exception_handler(request, error)
        if prefers_html(request.headers.get("accept", "")):
            text = page.render(code=error.status_code, sentence=error.detail)
            answer: Response = HTMLResponse(text, error.status_code, error.headers)
        else:
            answer = await http_exception_handler(request, error)
        answer.headers["Vary"] = "Accept"
        return answer

    return handle
