"""A shop that answers 500 and repeats all that it was asked must not spread what only we should know."""

import base64
import time

import pytest

from monitor.prober.look import look, new_run
from probes import KINDS
from probes.base import Evidence, Finding, Outcome, Probe, ProbeSettings, Run, Step
from probes.interpolated import Interpolated
from tests.probes.journey.shop import Answer, Asked, open_shop

pytestmark = pytest.mark.anyio

BEARER, PASSWORD, API_KEY, FROM_FILE = "b3ar3r/t0ken+x=", "pass word&1", "k3y-of-the-shop", "rotated-s3cret"
BASIC = base64.b64encode(f"probe:{PASSWORD}".encode()).decode()


def echo(asked: Asked) -> Answer:
    headers = "\n".join(f"{name}: {value}" for name, value in asked.headers.items())
    return Answer(f"Oops\n{asked.method} {asked.target}\n{headers}\n\n{asked.body.decode()}\n", 500)


async def seen(kind, handler=echo, path="/", **more):
    async with open_shop(handler) as shop:
        url = more.pop("url", lambda base: base.rstrip("/") + path)(shop.url)
        model = KINDS.get(kind).settings_model
        probe = KINDS.get(kind)(model.model_validate({"name": "it", "type": kind, "url": url, **more}))
        await probe.open()
        finding = await look(probe, new_run(10.0, time.time(), "here"))
        await probe.close()
    assert finding.outcome is Outcome.DOWN, finding
    assert finding.evidence
    assert "Oops" in finding.evidence.excerpt
    return repr(finding)


@pytest.mark.parametrize("kind", ["http", "scrape"])
@pytest.mark.parametrize(
    ("auth", "hidden"),
    [
        ({"bearer": BEARER}, [BEARER]),
        ({"basic": {"user": "probe", "password": PASSWORD}}, [BASIC, PASSWORD]),
    ],
)
async def test_what_proves_who_we_are_does_not_come_back(kind, auth, hidden):
    def bare(asked: Asked) -> Answer:
        return Answer(f"Oops {asked.headers['authorization'].split(' ')[1]}|{PASSWORD}", 500)

    for handler in (echo, bare):
        told = await seen(kind, handler, auth=auth)
        assert not [secret for secret in hidden if secret in told], told


async def test_a_secret_file_that_changes_is_read_again(tmp_path):
    file = tmp_path / "token"
    file.write_text("first-s3cret")
    assert "first-s3cret" not in await seen("scrape", auth={"bearer_file": str(file)})

    def rotating(asked: Asked) -> Answer:
        return Answer(f"Oops {asked.headers['authorization'].removeprefix('Bearer ')}", 500)

    file.write_text(FROM_FILE)
    assert FROM_FILE not in await seen("http", rotating, auth={"bearer_file": str(file)})


@pytest.mark.parametrize(
    ("more", "hidden", "shown"),
    [
        ({"headers": {"X-Api-Key": API_KEY, "Accept": "text/html"}}, [API_KEY], ["text/html"]),
        ({"headers": {"Cookie": "sid=c00kie-value; b=other-value"}}, ["c00kie-value", "other-value"], []),
        ({"method": "POST", "body": "user=probe&password=pass+word%261"}, [PASSWORD, "pass+word%261"], ["user=probe"]),
        ({"method": "POST", "body": '{"login": {"password": "p\\"w/123"}}'}, ['p\\"w/123', 'p\\\\"w/123'], ["login"]),
        (
            {"method": "POST", "body": Interpolated("x=fill3d-in&y=1", "x=${X}&y=1")},
            ["fill3d-in"],
            ["POST", "&y=1"],
        ),
        ({"headers": {"X-Shop": Interpolated("sh0p-id-7", "${SHOP}")}}, ["sh0p-id-7"], []),
    ],
)
async def test_what_an_http_probe_sends_is_cut_where_it_is_confidential(more, hidden, shown):
    told = await seen("http", **more)
    assert not [secret for secret in hidden if secret in told], told
    assert all(word in told for word in shown), told


async def test_a_variable_in_the_query_is_cut_and_one_in_the_host_is_not():
    def url(base):
        return Interpolated(f"{base}cart?t=qu3ry-t0ken", "${SHOP}/cart?t=${TOKEN}")

    told = await seen("http", url=url)
    assert "qu3ry-t0ken" not in told
    assert "http://127.0.0.1:" in told


async def test_a_journey_s_secrets_do_not_come_back():
    steps = [{"name": "log in", "post": "/login", "form": {"user": "probe", "pw": Interpolated(PASSWORD, "${PW}")}}]
    told = await seen("journey", level="checkout", steps=steps, identity={"header": {"X-Probe-Key": API_KEY}})
    assert not [secret for secret in (API_KEY, PASSWORD, "pass+word%261") if secret in told], told


async def test_a_secret_that_the_excerpt_s_end_cuts_in_two_is_not_half_told():
    def late(_asked: Asked) -> Answer:
        return Answer("Oops".ljust(1990) + API_KEY, 500)

    told = await seen("http", late, headers={"X-Api-Key": API_KEY})
    assert API_KEY[:10] not in told


async def test_people_and_cards_in_what_came_back_are_cut():
    told = await seen("http", lambda _: Answer("Oops mei@shop.example 4242 4242 4242 4242", 500))
    assert "mei@" not in told
    assert "4242" not in told


async def test_every_part_of_a_finding_is_fit_to_be_shown():
    class Telling(Probe[ProbeSettings]):
        settings_model = ProbeSettings

        async def check(self, run: Run) -> Finding:
            token = "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"
            steps = (Step(token, Outcome.DOWN, 0.5, token),)
            return Finding(Outcome.UP, token, (), Evidence(token, steps, (("a", token),), token))

    finding = await look(Telling(ProbeSettings(name="it", type="it")), new_run(1.0, time.time(), "here"))
    evidence = Evidence("…", (Step("…", Outcome.DOWN, 0.5, "…"),), (("a", "…"),), "…")
    assert finding == Finding(Outcome.UP, "…", (), evidence)
