"""Runbooks as pages: the shop's own before ours, nothing outside the folders, no script run."""

import asyncio
import html

import httpx
import pytest
from fastapi import FastAPI

from monitor.web import operators, runbooks


@pytest.fixture
def get(tmp_path):
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    own.mkdir()
    shipped.mkdir()
    (shipped / "SiteDown.md").write_text("# SiteDown\nours, see [SiteSlow](SiteSlow.md)")
    (shipped / "SiteSlow.md").write_text("# SiteSlow\n<script>alert(1)</script>")
    (own / "SiteDown.md").write_text("# SiteDown\nthe shop's own")
    (tmp_path / "secret.md").write_text("secret")
    app = FastAPI()
    app.include_router(runbooks.router(runbooks.Runbooks(lambda: (own, shipped)), operators.templates()))

    def ask(path: str) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.get(path)

        return asyncio.run(go())

    return ask


def test_the_shops_own_runbook_wins(get):
    assert "the shop's own" in html.unescape(get("/runbooks/SiteDown").text)


def test_links_between_the_files_open_too(get):
    assert get("/runbooks/SiteSlow.md").status_code == 200


def test_html_in_a_runbook_is_shown_not_run(get):
    assert "<script>alert" not in get("/runbooks/SiteSlow").text


def test_the_index_lists_every_runbook_once(get):
    page = get("/runbooks/").text
    assert page.count('href="/runbooks/SiteDown"') == 1
    assert 'href="/runbooks/SiteSlow"' in page


@pytest.mark.parametrize("name", ["..%2Fsecret", "secret", "%00", "a" * 200, "SiteDown%0a"])
def test_nothing_else_is_served(get, name):
    assert get(f"/runbooks/{name}").status_code == 404
