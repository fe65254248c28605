import asyncio

import httpx
from fastapi import FastAPI

from monitor.metrics import Exposition
from monitor.web.metrics import router


def scrape(**headers):
    app = FastAPI()
    app.include_router(router(Exposition("here")))

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/metrics", headers=headers)

    return asyncio.run(ask())


def test_the_page_comes_with_the_type_that_prometheus_wants():
    answer = scrape()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert b"# TYPE process_resident_memory_bytes gauge\n" in answer.content


def test_who_asks_for_openmetrics_gets_it():
    answer = scrape(accept="application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert b"# TYPE process_cpu_seconds counter\n" in answer.content
    assert answer.content.endswith(b"# EOF\n")
