"""What is not there, told as a page to people and as JSON to programs."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from monitor.web import looks, operators, runbooks, trouble
from tests.monitor.web.test_accept import BROWSER


@pytest.fixture
def get(tmp_path):
    templates = operators.templates()
    app = FastAPI()
    app.exception_handler(HTTPException)(trouble.told(templates))
    app.include_router(looks.router(lambda run_id: None, templates))
    app.include_router(runbooks.router(runbooks.Runbooks(lambda: [tmp_path]), templates))

    def ask(path, **headers):
        async def go():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(go())

    return ask


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("/looks/b1", "remembered: only the newest of each bar"), ("/runbooks/Nope", "There is no runbook")],
)
def test_a_browser_gets_a_page_and_a_program_json_with_the_same_sentence(get, path, sentence):
    page = get(path, accept=BROWSER)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["vary"] == "Accept"
    assert sentence in page.text
    assert "/static/shopwatch.css" in page.text
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5", "text/html;q=0"):
        told = get(path, accept=accept)
        assert told.status_code == 404
        assert sentence in told.json()["detail"]
        assert told.headers["vary"] == "Accept"


def test_the_api_answers_json_whoever_asks(get):
    told = get("/api/v1/looks/b1", accept=BROWSER)
    assert (told.status_code, told.headers["content-type"]) == (404, "application/json")
    assert get("/nowhere", accept=BROWSER).json() == {"detail": "Not Found"}


def test_what_was_asked_for_is_shown_not_run(get):
    page = get("/looks/<script>alert(1)<%2Fscript>", accept=BROWSER)
    assert page.status_code == 404
    assert "<script" not in page.text
    page = get("/runbooks/<script>alert(1)", accept=BROWSER)
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script" not in page.text
