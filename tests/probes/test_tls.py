"""The tls probe, and what every probe says of certificates that do not hold."""

import asyncio
import datetime
import re
import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.base import Finding, Outcome
from probes.http import HttpProbe
from probes.tls import TlsProbe, TlsProbeSettings
from tests.looking import look, numbers
from tests.sockets import Authority, Shop, after_head, answer, name_server, on_loop, self_signed, serve, silence

DAY = 86400.0


async def of(
    context: ssl.SSLContext | None, authority: Authority, *, host: str = "localhost", http: bool = False, **words: Any
) -> Finding:
    """A look at a server with this context, which trusts the test's authority."""
    async with serve(Shop(answer(body=b"ok")), tls=context) as port:
        words.setdefault("tls", {"ca": str(authority.ca)})
        if http:
            finding = await look(HttpProbe, type="http", url=f"https://{host}:{port}/", ip=4, **words)
        else:
            finding = await look(TlsProbe, type="tls", address=f"{host}:{port}", ip=4, **words)
        reason = finding.reason.replace(f":{port}", ":PORT")
        return Finding(finding.outcome, reason, finding.samples, finding.evidence)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def in_days(days: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)


@on_loop
async def test_a_good_certificate_is_up_with_chain_name_and_days(authority: Authority) -> None:
    finding = await of(authority.server("localhost", expires=in_days(60)), authority)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert seen["probe_tls_version_info{TLS 1.3}"] == 1
    assert seen["probe_tls_chain_certificates"] == 1
    left = seen["probe_ssl_earliest_cert_expiry"] - in_days(0).timestamp()
    assert 59 * DAY < left < 61 * DAY
    assert seen["probe_ssl_last_chain_expiry_timestamp_seconds"] <= seen["probe_ssl_earliest_cert_expiry"]
    assert finding.evidence
    assert ("certificate", "60 days left") in finding.evidence.facts
    assert [step.name for step in finding.evidence.steps] == ["resolve", "connect", "tls"]
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in TlsProbe.metrics}


@pytest.mark.parametrize("http", [False, True])
@on_loop
async def test_an_expired_certificate_is_down_and_still_read(authority: Authority, http: bool) -> None:
    expired = in_days(-3)
    finding = await of(authority.server("localhost", expires=expired), authority, http=http)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == f"tls: the certificate of localhost expired on {expired:%Y-%m-%d}"
    assert numbers(finding)["probe_ssl_earliest_cert_expiry"] == pytest.approx(expired.timestamp(), abs=1)
    assert "probe_ssl_last_chain_expiry_timestamp_seconds" not in numbers(finding)
    assert finding.evidence
    assert ("certificate", "-3 days left") in finding.evidence.facts
    assert [step.name for step in finding.evidence.steps if step.outcome is Outcome.DOWN] == ["tls"]


@pytest.mark.parametrize("http", [False, True])
@on_loop
async def test_a_self_signed_certificate_is_down(authority: Authority, tmp_path: Path, http: bool) -> None:
    finding = await of(self_signed(tmp_path, "localhost"), authority, http=http)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == (
        "tls: the certificate of localhost is self-signed: no authority that we trust vouches for it"
    )


@pytest.mark.parametrize("http", [False, True])
@on_loop
async def test_a_certificate_for_another_name_is_down(authority: Authority, http: bool) -> None:
    names = [f"{name}.example" for name in ("a", "b", "c", "d", "e")]
    finding = await of(authority.server(*names), authority, http=http)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == (
        "tls: expected a certificate for localhost, got one for a.example, b.example, c.example and 2 more"
    )


@on_loop
async def test_a_certificate_for_another_address_is_down(authority: Authority) -> None:
    finding = await of(authority.server("10.0.0.1"), authority, host="127.0.0.1")
    assert finding.reason == "tls: expected a certificate for 127.0.0.1, got one for 10.0.0.1"


@pytest.mark.parametrize("http", [False, True])
@on_loop
async def test_a_chain_with_a_link_missing_is_down_and_names_the_link(authority: Authority, http: bool) -> None:
    finding = await of(authority.without_chain("localhost"), authority, http=http)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(
        r"tls: the chain of localhost is incomplete: 'OU=[^']+' was not sent, and is no authority that we trust",
        finding.reason,
    )


@on_loop
async def test_an_authority_that_nobody_trusts_is_down(authority: Authority) -> None:
    finding = await of(authority.server("localhost"), authority, tls={})
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("tls: the chain of localhost is incomplete: ")


@on_loop
async def test_without_verification_anything_is_up_and_the_chain_is_not_called_verified(
    authority: Authority, tmp_path: Path
) -> None:
    finding = await of(
        self_signed(tmp_path, "localhost"), authority, tls={"verify": False}, degraded={"expires_in": "1d"}
    )
    assert finding.outcome is Outcome.UP
    assert "probe_ssl_earliest_cert_expiry" in numbers(finding)
    assert "probe_ssl_last_chain_expiry_timestamp_seconds" not in numbers(finding)


@on_loop
async def test_a_certificate_near_its_end_is_degraded_and_nearer_is_down(authority: Authority) -> None:
    context = authority.server("localhost", expires=in_days(10.5))
    finding = await of(context, authority, degraded={"expires_in": "21d"})
    assert finding.outcome is Outcome.DEGRADED
    day = f"{in_days(10.5):%Y-%m-%d}"
    assert finding.reason == (
        f"tls: the certificate of localhost expires in 10.5 days, on {day}; it should be renewed 21d before"
    )
    finding = await of(context, authority, expect={"valid_for": "11d"})
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == (
        "tls: expected a certificate valid for 11d at least, but the certificate of localhost expires in 10.5 days,"
        f" on {day}"
    )
    assert (await of(context, authority, degraded={"expires_in": "9d"})).outcome is Outcome.UP
    # Unless told, 14 days; but the last fifth of a life when that is less, as for certificates of a few days.
    assert (await of(context, authority)).outcome is Outcome.DEGRADED


@pytest.mark.parametrize(
    ("expect", "reason"),
    [
        ({"version": "1.3"}, "tls: expected TLS 1.3 at least, localhost chose TLS 1.2"),
        ({"names": ["shop.example"]}, "tls: expected the certificate to be for shop.example too, it is for localhost"),
    ],
)
@on_loop
async def test_expectations_of_the_handshake(authority: Authority, expect: dict[str, Any], reason: str) -> None:
    context = authority.server("localhost")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    finding = await of(context, authority, expect=expect)
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, reason)


@on_loop
async def test_the_issuer_can_be_expected(authority: Authority) -> None:
    finding = await of(authority.server("localhost"), authority, expect={"issuer": "Let's Encrypt"})
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("tls: expected an issuer with \"Let's Encrypt\" in its name, got 'OU=Testing CA")


@on_loop
async def test_the_name_of_the_host_is_sent_as_sni_and_checked(authority: Authority) -> None:
    asked: list[str | None] = []
    context = authority.server("shop.example")
    context.sni_callback = lambda tls, name, this: asked.append(name)
    async with name_server({("shop.example.", "A"): ["127.0.0.1"]}) as (dns, _):
        finding = await of(context, authority, host="shop.example", resolver=[f"127.0.0.1:{dns}"])
        assert finding.outcome is Outcome.UP, finding.reason
    tls = {"ca": str(authority.ca), "name": "shop.example"}
    assert (await of(context, authority, host="127.0.0.1", tls=tls)).outcome is Outcome.UP
    assert asked == ["shop.example", "shop.example"]


@on_loop
async def test_a_server_that_wants_to_know_us(authority: Authority) -> None:
    context = authority.demand(authority.server("localhost"))
    ours = {"ca": str(authority.ca), "certificate": str(authority.client("probe@shop.example"))}
    assert (await of(context, authority, http=True, tls=ours)).outcome is Outcome.UP

    def refuse_once(listener: socket.socket) -> None:
        # asyncio hangs up without the alert that says why; a blocking socket sends it, as real servers do.
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as tls:
            with suppress(ssl.SSLError):
                tls.do_handshake()
            time.sleep(0.2)  # hanging up with the request unread would be a reset, which overtakes the alert

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = asyncio.create_task(asyncio.to_thread(refuse_once, listener))
        url = f"https://localhost:{listener.getsockname()[1]}/"
        finding = await look(HttpProbe, type="http", url=url, ip=4, tls={"ca": str(authority.ca)})
        await server
    assert finding.outcome is Outcome.DOWN
    where = url.removeprefix("https://").removesuffix("/")
    assert finding.reason == f"tls: {where} demands a client certificate (set tls: {{certificate: …, key: …}})"


@on_loop
async def test_a_stalled_handshake_ends_at_the_deadline() -> None:
    async with serve(silence) as port:
        finding = await look(TlsProbe, type="tls", address=f"127.0.0.1:{port}", patience=0.4)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(
        rf"tls: not done within 0.3\d+s: 127.0.0.1:{port} had not finished the TLS handshake", finding.reason
    )


@on_loop
async def test_a_handshake_cut_off_and_one_answered_in_plain_text() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)

    async with serve(hang_up) as port:
        finding = await look(TlsProbe, type="tls", address=f"127.0.0.1:{port}")
    assert finding.outcome is Outcome.DOWN
    assert finding.reason in (
        "tls: 127.0.0.1 closed the connection during the TLS handshake",
        "tls: 127.0.0.1 reset the connection during the TLS handshake",
    )

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.shop.example ESMTP\r\n")
        await reader.read()

    async with serve(plain) as port:
        finding = await look(TlsProbe, type="tls", address=f"127.0.0.1:{port}")
    assert finding.reason == "tls: 127.0.0.1 does not speak TLS on this port (what it sent is no TLS record)"


@on_loop
async def test_a_body_that_ends_with_tls_own_goodbye(authority: Authority) -> None:
    """asyncio's server says close_notify and keeps TCP open until it is answered."""
    async with serve(after_head(b"HTTP/1.1 200 OK\r\n\r\nto the end"), tls=authority.server("localhost")) as port:
        url, tls = f"https://localhost:{port}/", {"ca": str(authority.ca)}
        finding = await look(HttpProbe, type="http", url=url, ip=4, tls=tls, expect={"text": "to the end"}, patience=3)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")


@on_loop
async def test_our_own_missing_file_is_unknown(authority: Authority, tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    finding = await of(authority.server("localhost"), authority, tls={"ca": str(missing)})
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason.startswith(f"tls: cannot use the TLS files {missing}: ")


@on_loop
async def test_a_replaced_authority_file_is_read_again(authority: Authority, tmp_path: Path) -> None:
    ca = tmp_path / "trusted.pem"
    (tmp_path / "other").mkdir()
    ca.write_bytes(Authority(tmp_path / "other").ca.read_bytes())
    context = authority.server("localhost")
    assert (await of(context, authority, tls={"ca": str(ca)})).outcome is Outcome.DOWN
    ca.write_bytes(authority.ca.read_bytes())
    assert (await of(context, authority, tls={"ca": str(ca)})).outcome is Outcome.UP


@pytest.mark.parametrize("name", ["localhost", "other.example"])
@on_loop
async def test_mail_servers_turn_to_tls_after_starttls(authority: Authority, name: str) -> None:
    context = authority.server(name)

    async def mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ESMTP\r\n")
        assert await reader.readline() == b"EHLO shopwatch\r\n"
        writer.write(b"250-mail\r\n250-SIZE 1\r\n250 STARTTLS\r\n")
        assert await reader.readline() == b"STARTTLS\r\n"
        writer.write(b"220 go ahead\r\n")
        await writer.drain()
        await writer.start_tls(context)
        await reader.read()

    finding = await of_conversation(mail, authority, starttls="smtp")
    if name == "localhost":
        assert (finding.outcome, finding.reason) == (Outcome.UP, "")
        assert "probe_tls_duration_seconds{dialogue}" in numbers(finding)
    else:
        assert finding.reason == "tls: expected a certificate for localhost, got one for other.example"


async def of_conversation(conversation: Any, authority: Authority, **words: Any) -> Finding:
    async with serve(conversation) as port:
        tls = {"ca": str(authority.ca)}
        return await look(TlsProbe, type="tls", address=f"localhost:{port}", ip=4, tls=tls, **words)


def test_bad_settings_are_refused() -> None:
    for words, message in (
        ({"address": "shop.example"}, "'shop.example' has no port; write host:port, such as shop.example:443"),
        ({"address": "::1:443"}, "write an IPv6 address in brackets, such as [::1]:443"),
        ({"address": "shop.example:https"}, "has no valid port; a port is a number from 1 to 65535"),
        ({"address": "a:1", "starttls": "xmpp"}, "Input should be 'smtp', 'imap', 'pop3' or 'ftp'"),
        ({"address": "a:1", "expect": {"valid_for": 7}}, "7 is not a duration"),
    ):
        with pytest.raises(ValidationError, match=re.escape(message)):
            TlsProbeSettings.model_validate({"name": "probe", "type": "tls", **words})
