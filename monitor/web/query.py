"""Prometheus' query API over the samples in memory and the archive, so that Grafana can draw from Shopwatch alone.

Queries run in worker threads, a few at a time, each with a deadline and limits of its own.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from alerts.promql import Engine, Expr, Limits, ParseError, PromqlError, SeriesView, Storage, Value, parse
from alerts.promql.node import Selector
from monitor.garbage import collector_waits
from monitor.web.promjson import BadParameter, body, labels_json, read_duration, read_time
from probes.base import Labels, Metric

#: The Prometheus whose language and API this is; Grafana asks to know what it may use.
_SPOKEN_VERSION = "3.0.0"
_AT_ONCE = 2
_MAX_BODY = 1 << 20
_STATUS = {"bad_data": 400, "execution": 422, "timeout": 503, "internal": 500}
#: What a person at a dashboard may ask of a service that has pages to send meanwhile.
LIMITS = Limits(samples=10_000_000, seconds=20.0, characters=16_384)

_Parameters = list[tuple[str, str]]


class Labelled(Storage, Protocol):
    """Where the samples are, and which labels they have."""

    def label_names(self) -> list[str]:
        """Every label name in use, sorted."""

    def label_values(self, name: str) -> list[str]:
        """Every value of a label, sorted."""


def router(
    samples: Labelled,
    clock: Callable[[], float],
    metrics: Callable[[], Iterable[Metric]],
    limits: Limits = LIMITS,
    monotonic: Callable[[], float] = time.monotonic,
) -> APIRouter:
    """The routes under /api/v1. `clock` is wall-clock seconds; `metrics` answers what is known of each metric."""
    queries = Queries(samples, clock, metrics, limits, monotonic)
    routes = APIRouter(prefix="/api/v1", tags=["query"])
    slots = asyncio.Semaphore(_AT_ONCE)

    def serve(path: str, answer: Callable[..., bytes], methods: tuple[str, ...] = ("GET", "POST")) -> None:
        async def route(request: Request) -> Response:
            try:
                parameters = await _parameters(request)
            except BadParameter as error:
                return _failure("bad_data", str(error))
            async with slots:
                return await asyncio.to_thread(_answer, answer, parameters, **request.path_params)

        for method in methods:  # one route each: an operation of the API's description has one method
            routes.add_api_route(path, route, methods=[method], name=path)

    serve("/query", queries.instant)
    serve("/query_range", queries.range)
    serve("/series", queries.series)
    serve("/labels", queries.labels)
    serve("/label/{name}/values", queries.label_values, ("GET",))
    serve("/metadata", queries.metadata, ("GET",))
    serve("/status/buildinfo", queries.build, ("GET",))
    return routes


class Queries:
    """The answers, as JSON text. Every method takes the request's parameters and may raise what the API reports."""

    def __init__(
        self,
        samples: Labelled,
        clock: Callable[[], float],
        metrics: Callable[[], Iterable[Metric]],
        limits: Limits,
        monotonic: Callable[[], float],
    ) -> None:
        self._samples, self._clock, self._metrics = samples, clock, metrics
        self._limits, self._monotonic = limits, monotonic

    def instant(self, parameters: _Parameters) -> bytes:
        """/query: the answer at one time."""
        given = dict(parameters)
        at = read_time(given.get("time"), "time", self._now())
        return body(self._engine(given).instant(self._expr(given), at))

    def range(self, parameters: _Parameters) -> bytes:
        """/query_range: the answer at every step."""
        given = dict(parameters)
        start = read_time(_needed(given, "start"), "start", 0)
        end = read_time(_needed(given, "end"), "end", 0)
        step = round(read_duration(_needed(given, "step"), "step", 0) * 1000)
        if end < start:
            raise BadParameter('invalid parameter "end": end timestamp must not be before start time')
        if step <= 0:
            raise BadParameter(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer"
            )
        answer: Value = self._engine(given).range(self._expr(given), start, end, step)
        return body(answer)

    def series(self, parameters: _Parameters) -> bytes:
        """/series: the label sets that fit any of the selectors."""
        if not any(name == "match[]" for name, _ in parameters):
            raise BadParameter("no match[] parameter provided")
        return _success([labels_json(series.labels) for series in _limited(self._matching(parameters), parameters)])

    def labels(self, parameters: _Parameters) -> bytes:
        """/labels: the names of labels in use."""
        if any(name == "match[]" for name, _ in parameters):
            names = sorted({name for series in self._matching(parameters) for name, _ in series.labels})
        else:
            names = self._samples.label_names()
        return _success(list(_limited(names, parameters)))

    def label_values(self, parameters: _Parameters, name: str) -> bytes:
        """/label/NAME/values: the values of one label."""
        if any(key == "match[]" for key, _ in parameters):
            found = (dict(series.labels).get(name) for series in self._matching(parameters))
            values = sorted({value for value in found if value is not None})
        else:
            values = self._samples.label_values(name)
        return _success(list(_limited(values, parameters)))

    def metadata(self, parameters: _Parameters) -> bytes:
        """/metadata: type and help of metrics."""
        wanted = dict(parameters).get("metric")
        known = {
            metric.name: [{"type": metric.type, "help": metric.help, "unit": ""}]
            for metric in self._metrics()
            if wanted in (None, "", metric.name)
        }
        return _success(dict(_limited(known.items(), parameters)))

    def build(self, parameters: _Parameters) -> bytes:
        """/status/buildinfo: the version whose language this is."""
        unknown = dict.fromkeys(("revision", "branch", "buildUser", "buildDate", "goVersion"), "")
        return _success({"version": _SPOKEN_VERSION, **unknown})

    def _now(self) -> int:
        return round(self._clock() * 1000)

    def _engine(self, given: dict[str, str]) -> Engine:
        seconds = read_duration(given.get("timeout"), "timeout", self._limits.seconds)
        limits = replace(self._limits, seconds=min(seconds, self._limits.seconds))
        return Engine(self._samples, limits=limits, clock=self._monotonic)

    def _expr(self, given: dict[str, str]) -> Expr:
        return self._parsed(given.get("query", ""), "query")

    def _parsed(self, text: str, name: str) -> Expr:
        try:
            return parse(text, depth=self._limits.depth, characters=self._limits.characters)
        except PromqlError as error:
            raise BadParameter(f'invalid parameter "{name}": {error}') from None

    def _matching(self, parameters: _Parameters) -> Iterator[SeriesView]:
        """The series that fit any selector and have a sample between start and end."""
        given = dict(parameters)
        start = read_time(given.get("start"), "start", 0)
        end = read_time(given.get("end"), "end", self._now())
        seen = set[Labels]()
        for name, text in parameters:
            if name != "match[]":
                continue
            root = self._parsed(text, "match[]").root
            if not isinstance(root, Selector):
                raise BadParameter(f'invalid parameter "match[]": {text} is not a series selector')
            for series in self._samples.select(root.matchers, start, end):
                if series.labels not in seen and series.latest(start - 1, end) is not None:
                    seen.add(series.labels)
                    yield series


def _answer(answer: Callable[..., bytes], parameters: _Parameters, **path: str) -> Response:
    try:
        with collector_waits():
            return Response(answer(parameters, **path), media_type="application/json")
    except (BadParameter, ParseError) as error:
        return _failure("bad_data", str(error))
    except PromqlError as error:
        return _failure(error.kind, str(error))


def _failure(kind: str, sentence: str) -> Response:
    content = json.dumps({"status": "error", "errorType": kind, "error": sentence})
    return Response(content, _STATUS[kind], media_type="application/json")


def _success(data: Any) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


def _needed(given: dict[str, str], name: str) -> str:
    if not given.get(name):
        raise BadParameter(f'invalid parameter "{name}": it is missing')
    return given[name]


def _limited(items: Iterable[Any], parameters: _Parameters) -> Iterator[Any]:
    """The first items, as many as the parameter `limit` says; 0 and none mean all."""
    text = dict(parameters).get("limit", "0")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadParameter(f'invalid parameter "limit": "{text}" is not a number')
    limit = int(text)
    for number, item in enumerate(items):
        if limit and number >= limit:
            return
        yield item


async def _parameters(request: Request) -> _Parameters:
    """The parameters of the URL and, with POST, of the form in the body; the body wins."""
    parameters = list(request.query_params.multi_items())
    if request.method == "POST":
        received = bytearray()
        async for part in request.stream():
            received += part
            if len(received) > _MAX_BODY:
                raise BadParameter(f"the form is larger than {_MAX_BODY} bytes")
        parameters += parse_qsl(received.decode("utf-8", "replace"), keep_blank_values=True)
    return parameters
