"""The web application: every router, in one listing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from monitor.config import Config
from monitor.config.share import where
from monitor.ownmetrics import own_metrics
from monitor.selfwatch import VERSION
from monitor.silenced import watched
from monitor.soundness import standstill
from monitor.store import StoreError
from monitor.store.incidents import Stored, unresolved
from monitor.web import (
    alertmanager,
    heartbeat,
    incidents,
    looks,
    metrics,
    operators,
    probe,
    query,
    rules,
    runbooks,
    slack,
    state,
    trouble,
)
from monitor.web.door import Door
from monitor.web.overview import Overview, backup_views, incident_views, probe_views
from probes import KINDS
from probes.base import COMMON_METRICS, Metric
from probes.settings import Secret

if TYPE_CHECKING:
    from monitor.app import Shopwatch

#: How long the page waits for the store, in seconds.
_PATIENCE = 1.5
#: Nothing of ours is loaded from elsewhere, framed by others, or guessed at by a browser.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create(shop: "Shopwatch") -> FastAPI:
    """The application over a running service."""
    # FastAPI's own pages for the API load scripts from elsewhere, into the place where incidents are acked: none here.
    app = FastAPI(
        title="Shopwatch",
        version=VERSION,
        description="Probes, incidents and queries of one Shopwatch.",
        docs_url=None,
        redoc_url=None,
    )
    templates = operators.templates()
    app.middleware("http")(_headers)
    app.exception_handler(HTTPException)(trouble.told(templates))
    app.add_middleware(Door, config=lambda: shop.config)
    app.include_router(state.router(shop))
    app.include_router(metrics.router(shop.exposition))
    app.include_router(looks.router(lambda run_id: shop.latest.look(run_id) or shop.exposition.look(run_id), templates))
    app.include_router(probe.router(shop.errands, lambda: shop.config.blackbox))
    app.include_router(
        heartbeat.router(shop.heartbeats, shop.passive, shop.prober.look_now, lambda name: where(shop.config, name))
    )
    app.include_router(
        incidents.router(shop.desk, shop.store, lambda: shop.config.url, shop.clock, lambda: watched(shop.config))
    )
    app.include_router(alertmanager.router(shop.desk, shop.store, shop.heard, shop.clock))
    app.include_router(slack.router(shop.desk, shop.store, lambda: _signing_secrets(shop), shop.clock))
    app.include_router(rules.router(shop.evaluator))
    app.include_router(query.router(shop.archive.storage, shop.clock, lambda: _known_metrics(shop)))
    app.include_router(operators.router(_overview(shop), shop.bell, templates))
    app.include_router(runbooks.router(runbooks.Runbooks(lambda: shop.config.runbooks), templates))
    app.mount("/static", StaticFiles(directory=operators.STATIC), name="static")
    return app


async def _headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _signing_secrets(shop: "Shopwatch") -> list[Secret]:
    """The secrets by which a channel that answers back proves who it is."""
    secrets = (getattr(channel, "signing_secret", None) for channel in shop.config.notifiers)
    return [secret for secret in secrets if isinstance(secret, Secret)]


def _known_metrics(shop: "Shopwatch") -> list[Metric]:
    probes = shop.config.probes
    kinds = {probe.type for probe in probes}
    metrics = [metric for kind in sorted(kinds) for metric in KINDS.get(kind).metrics]
    return [*COMMON_METRICS, *own_metrics(), *metrics, *(metric for probe in probes for metric in probe.named_metrics)]


def _overview(shop: "Shopwatch") -> Callable[[], Awaitable[Overview]]:
    async def overview() -> Overview:
        open_ones, troubles = await _open_ones(shop)
        now, config = shop.clock(), shop.config
        backups = [(backup.name, backup.type) for backup in config.backups]
        return Overview(
            location=config.location,
            share=_share(config),
            now=now,
            version=VERSION,
            incidents=incident_views((one.incident for one in open_ones), now),
            probes=probe_views(config.probes, shop.latest, shop.history, now, now - shop.started_at),
            backups=backup_views(backups, lambda name: shop.verifications.standing(name).telling),
            oncall=config.oncall.roster.now(now),
            notifiers=[channel.name for channel in config.notifiers],
            faults=list(dict.fromkeys([*troubles, *standstill(shop)])),
        )

    return overview


def _share(config: Config) -> str:
    """Which machine of several this is, in a few words."""
    here, others = config.part, len(config.elsewhere)
    return "" if here.alone else f"shard {here.number} of {here.of}: {others} more probes are elsewhere"


async def _open_ones(shop: "Shopwatch") -> tuple[list[Stored], list[str]]:
    """The open incidents, or why they are not to be had at this moment: the page must come up all the same."""
    try:
        return await asyncio.wait_for(shop.store.atransaction(unresolved), _PATIENCE), []
    except TimeoutError:
        return [], [f"the open incidents are not shown: the store did not answer within {_PATIENCE:g} s"]
    except StoreError as error:
        return [], [f"the open incidents are not shown: {error}"]
