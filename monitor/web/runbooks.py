"""The runbooks, as pages to read at night: /runbooks/NAME is where every page's button leads."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from markdown_it import MarkdownIt
from markupsafe import Markup

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class Runbooks:
    """The Markdown files of some folders; the first that has a name wins, so that a shop can write its own."""

    def __init__(self, folders: Callable[[], Sequence[Path]]) -> None:
        self._folders = folders  # asked each time: a reload may change them
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def names(self) -> list[str]:
        """Every runbook's name, sorted."""
        return sorted(
            {path.stem for folder in self._folders() for path in folder.glob("*.md") if _NAME.fullmatch(path.stem)}
        )

    def html(self, name: str) -> Markup | None:
        """A runbook as HTML, or None when there is none of this name. HTML inside the Markdown is shown, not run."""
        if not _NAME.fullmatch(name):
            return None
        for folder in self._folders():
            path = folder / f"{name}.md"
            if path.is_file():
                return Markup(self._markdown.render(path.read_text(encoding="utf-8")))  # noqa: S704 - html=False escapes
        return None


def router(runbooks: Runbooks, templates: Environment) -> APIRouter:
    """GET /runbooks/ and /runbooks/NAME."""
    routes = APIRouter(include_in_schema=False)
    page = templates.get_template("runbook.html")

    @routes.get("/runbooks/", response_class=HTMLResponse)
    def index() -> str:
        items = Markup("").join(
            Markup('<li><a href="/runbooks/{0}">{0}</a></li>').format(name) for name in runbooks.names()
        )
        return page.render(name="All", body=Markup("<h1>Runbooks</h1><ul>{}</ul>").format(items))

    @routes.get("/runbooks/{name}", response_class=HTMLResponse)
    def runbook(name: str) -> str:
        name = name.removesuffix(".md")  # runbooks link to each other as files, so that they read well in git too
        body = runbooks.html(name)
        if body is None:
            raise HTTPException(404, f"There is no runbook {name!r}. All of them: /runbooks/")
        return page.render(name=name, body=body)

    return routes
