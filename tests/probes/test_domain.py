"""The domain probe against an RDAP server of our own over HTTPS: dates, states, refusals, nonsense."""

import asyncio
import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.base import Finding, Outcome, Run
from probes.domain import DomainProbe, DomainSettings
from probes.rdap import Unreadable, expiry_of, facts_of, parse_document, services_of, states_of
from tests.looking import look, numbers
from tests.sockets import Authority, Shop, answer, on_loop, refused_port, serve, silence

DAY = 86400.0
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def registered(days: float = 200.0, states: tuple[str, ...] = ("active",), **more: Any) -> dict[str, Any]:
    ends = (NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z")
    events = [{"eventAction": "registration", "eventDate": "2001-01-01T00:00:00Z"}]
    events.append({"eventAction": "expiration", "eventDate": ends})
    card = ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "Good Names Ltd"]]]
    registrar = {"objectClassName": "entity", "roles": ["registrar"], "vcardArray": card}
    return {"objectClassName": "domain", "events": events, "status": list(states), "entities": [registrar], **more}


class Registry(Shop):
    """Knows shop.test, and says of itself that it knows .test."""

    def __init__(self, document: Any, status: str = "200 OK") -> None:
        super().__init__(self._reply)
        self.document, self.status, self.base = document, status, ""

    def _reply(self, head: bytes) -> bytes:
        if b" /dns.json " in head:
            services = [[["example"], ["https://other.invalid/"]], [["test"], ["http://insecure.invalid/", self.base]]]
            return answer(body=json.dumps({"services": services}).encode())
        if b" /rdap/domain/shop.test " not in head:
            return answer("404 Not Found", b"{}")
        body = self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()
        return answer(self.status, body, {"Content-Type": "application/rdap+json"})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def asked(authority: Authority, registry: Registry, domain: str = "shop.test", **words: Any) -> Finding:
    async with serve(registry, tls=authority.server("127.0.0.1")) as port:
        registry.base = f"https://127.0.0.1:{port}/rdap/"
        words = {"server": registry.base, "tls": {"ca": str(authority.ca)}, **words}
        if words["server"] is None:
            words["bootstrap"] = f"https://127.0.0.1:{port}/dns.json"
        finding = await look(DomainProbe, type="domain", domain=domain, now=NOW.timestamp(), **words)
    reason = finding.reason.replace(f":{port}", ":PORT")
    return Finding(finding.outcome, reason, finding.samples, finding.evidence)


@on_loop
async def test_a_registration_that_lasts_is_up(authority: Authority) -> None:
    finding = await asked(authority, Registry(registered()), domain="Shop.Test.")
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert seen["probe_domain_expiry_timestamp_seconds"] == NOW.timestamp() + 200 * DAY
    assert seen["probe_domain_duration_seconds{tls}"] > 0
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in DomainProbe.metrics}
    assert finding.evidence
    facts = dict(finding.evidence.facts)
    assert (facts["expires"], facts["states"], facts["registrar"]) == ("2027-06-09", "active", "Good Names Ltd")


@pytest.mark.parametrize(
    ("days", "words", "outcome", "reason"),
    [
        (31.0, {}, Outcome.UP, ""),
        (12.0, {}, Outcome.DEGRADED, "ends in 12.0 days, on 2026-12-03; it should be renewed 30d before"),
        (12.0, {"degraded": {"expires_in": "10d"}}, Outcome.UP, ""),
        (5.0, {"expect": {"valid_for": "7d"}}, Outcome.DOWN, "ends in 5.0 days, on 2026-11-26; expected 7d at least"),
        (-3.0, {}, Outcome.DOWN, "ended on 2026-11-18"),
    ],
)
@on_loop
async def test_days_left(
    authority: Authority, days: float, words: dict[str, Any], outcome: Outcome, reason: str
) -> None:
    finding = await asked(authority, Registry(registered(days)), **words)
    expected = f"the registration of shop.test {reason}" if reason else ""
    assert (finding.outcome, finding.reason) == (outcome, expected)


@on_loop
async def test_a_domain_that_is_held_back_or_unknown_is_down(authority: Authority) -> None:
    held = registered(states=("client transfer prohibited", "Client Hold", "pending delete"))
    finding = await asked(authority, Registry(held))
    assert (finding.outcome, finding.reason) == (
        Outcome.DOWN,
        "the registry lists shop.test as client hold, pending delete (https://127.0.0.1:PORT/rdap/)",
    )
    finding = await asked(authority, Registry(registered()), domain="gone.test")
    assert (finding.outcome, finding.reason) == (
        Outcome.DOWN,
        "gone.test is not registered: https://127.0.0.1:PORT/rdap/domain/gone.test knows no such domain (404)",
    )


@on_loop
async def test_the_registry_is_found_by_the_bootstrap_and_remembered(authority: Authority) -> None:
    registry = Registry(registered())
    assert (await asked(authority, registry, server=None)).outcome is Outcome.UP
    assert len(registry.requests) == 2
    finding = await asked(authority, registry, domain="shop.nowhere", server=None)
    assert (finding.outcome, finding.reason) == (
        Outcome.UNKNOWN,
        "no RDAP server is known for .nowhere; name one (server: https://…)",
    )


@on_loop
async def test_the_bootstrap_is_asked_once_a_day(authority: Authority) -> None:
    registry = Registry(registered())
    async with serve(registry, tls=authority.server("127.0.0.1")) as port:
        registry.base = f"https://127.0.0.1:{port}/rdap/"
        words = {"bootstrap": f"https://127.0.0.1:{port}/dns.json", "tls": {"ca": str(authority.ca)}}
        probe = DomainProbe(DomainSettings.model_validate({"name": "d", "domain": "shop.test", **words}))
        await probe.open()
        for hours in (0, 12, 25):
            run = Run(asyncio.get_running_loop().time() + 5, NOW.timestamp() + hours * 3600, "run")
            assert (await probe.check(run)).outcome is Outcome.UP
        await probe.close()
    assert sum(b"/dns.json" in request for request in registry.requests) == 2
    assert len(registry.requests) == 5


@pytest.mark.parametrize(
    ("document", "status", "outcome", "reason"),
    [
        ({}, "429 Too Many Requests", Outcome.BLOCKED, "turned the probe away with 429: we ask too often"),
        ({}, "503 Busy", Outcome.UNKNOWN, "expected status 200 from .*, got 503"),
        (b"<html>", "200 OK", Outcome.UNKNOWN, "expected JSON from .*, got a body that is none: "),
        ([], "200 OK", Outcome.UNKNOWN, "expected a JSON object from .*, got a list"),
        ({"events": []}, "200 OK", Outcome.UNKNOWN, "does not say when the registration ends"),
        (
            {"events": [{"eventAction": "expiration", "eventDate": "next year"}]},
            "200 OK",
            Outcome.UNKNOWN,
            "gives 'next year' as the end, which is no date",
        ),
    ],
)
@on_loop
async def test_another_answer(authority: Authority, document: Any, status: str, outcome: Outcome, reason: str) -> None:
    finding = await asked(authority, Registry(document, status))
    assert finding.outcome is outcome
    assert re.search(reason, finding.reason)


@on_loop
async def test_a_registry_that_cannot_be_reached_says_nothing_of_the_shop() -> None:
    port = refused_port()
    finding = await look(DomainProbe, type="domain", domain="shop.test", server=f"http://127.0.0.1:{port}/")
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason == (f"connect: 127.0.0.1:{port} refused the connection (a registry's server, not the shop's)")
    async with serve(silence) as port:
        words = {"server": f"http://127.0.0.1:{port}/", "patience": 0.4}
        finding = await look(DomainProbe, type="domain", domain="shop.test", **words)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason.startswith("processing: no whole answer within ")
    assert finding.evidence
    steps = {step.name: step.outcome for step in finding.evidence.steps}
    assert (steps["connect"], steps["processing"]) == (Outcome.UP, Outcome.UNKNOWN)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
WORDS = ("events", "status", "entities", "services", "eventAction", "eventDate", "roles", "vcardArray", "registrar")
KEYS = st.sampled_from(WORDS)
DOCUMENTS = st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON, max_size=4), max_size=3), max_size=5)


@given(DOCUMENTS)
def test_any_document_is_read_or_refused(document: dict[str, Any]) -> None:
    states_of(document)
    for read in (lambda: expiry_of(document, "it"), lambda: facts_of(document), lambda: services_of(document, "it")):
        with suppress(Unreadable):
            read()


@given(st.binary(max_size=60))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with suppress(Unreadable):
        assert isinstance(parse_document(body, "it"), dict)


@pytest.mark.parametrize("domain", ["shop", "127.0.0.1", "shop example", ""])
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(ValidationError, match=r"is not a (domain|host name)"):
        DomainSettings.model_validate({"name": "d", "type": "domain", "domain": domain})
