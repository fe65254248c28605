"""One look, by its id: where an exemplar in Grafana leads."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from probes.base import Result


def router(find: Callable[[str], Result | None], templates: Environment) -> APIRouter:
    """GET /looks/RUN_ID for people, and /api/v1/looks/RUN_ID for programs. `find` answers what is known of a look."""
    routes = APIRouter(tags=["looks"])
    page = templates.get_template("look.html")

    def found(run_id: str) -> Result:
        result = find(run_id)
        if result is None:
            raise HTTPException(
                404,
                f"No look {run_id[:100]!r} is remembered: only the newest of each bar in a histogram, and the last"
                " 2,000 that were not up, since Shopwatch was started.",
            )
        return result

    @routes.get("/looks/{run_id}", response_class=HTMLResponse, include_in_schema=False)
    async def look(run_id: str) -> str:
        result = found(run_id)
        return page.render(look=result, evidence=result.finding.evidence, key=result.run_id, numbers=_numbers(result))

    @routes.get("/api/v1/looks/{run_id}")
    async def look_json(run_id: str) -> dict[str, Any]:
        result = found(run_id)
        evidence = result.finding.evidence
        return {
            "run_id": result.run_id,
            "probe": result.probe,
            "type": result.type,
            "outcome": result.outcome,
            "ended_at": result.at,
            "seconds": result.duration,
            "reason": result.finding.reason,
            "evidence": asdict(evidence) if evidence else None,
            "numbers_url": _numbers(result),
        }

    return routes


def _numbers(result: Result) -> str:
    """Where the look's own numbers are: what this probe's series were just after it had ended."""
    query = {"query": f'{{probe="{result.probe}"}}', "time": f"{result.at + 1:.3f}"}
    return f"/api/v1/query?{urlencode(query)}"
