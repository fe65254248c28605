import asyncio

import httpx
from fastapi import FastAPI

from monitor.metrics import Exposition
from monitor.web.metrics import router


def test_the_page_comes_with_the_type_that_prometheus_wants():
    app = FastAPI()
    exposition = Exposition("here")
    app.include_router(router(exposition))

    async def scrape():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/metrics")

    answer = asyncio.run(scrape())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# TYPE process_resident_memory_bytes gauge\n" in answer.content
