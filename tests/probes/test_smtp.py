"""The smtp probe against a real Exim, and against servers that say what they should not."""

import asyncio
import base64
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from probes.base import Finding, Outcome
from probes.smtp import SmtpProbe, SmtpSettings
from tests.looking import look, numbers
from tests.programs import require_program
from tests.servers import free_port, port_open, started
from tests.sockets import Authority, on_loop, refused_port, serve, silence

PASSWORD = "hunter2"
EXIM = """
primary_hostname = mail.shop.test
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path =
exim_user = nobody
exim_group = nogroup
local_interfaces = <; 127.0.0.1.{port} ; 127.0.0.1.{tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = *
tls_certificate = {folder}/mail.pem
tls_privatekey = {folder}/mail.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_mail = refuse
rfc1413_hosts =
host_lookup =
begin acl
refuse:
  deny message = a probe never sends mail
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{probe}}}}{{eq{{$auth3}}{{hunter2}}}}}}}}
  server_set_id = $auth2
"""


class Mail:
    def __init__(self, folder: Path, port: int, tls_port: int) -> None:
        self.ca, self.port, self.tls_port = folder / "ca.pem", port, tls_port


@pytest.fixture(scope="module")
def exim() -> Iterator[Mail]:
    program = require_program("exim4")
    with tempfile.TemporaryDirectory(prefix="shopwatch-exim-") as name:
        folder, port, tls_port = Path(name), free_port(), free_port()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(name + "/ca.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(name + "/mail.pem")
        (folder / "mail.pem").chmod(0o644)
        (folder / "config").write_text(EXIM.format(folder=folder, port=port, tls_port=tls_port))
        arguments = [program, "-bdf", "-C", f"{folder}/config"]
        with started(arguments, name, lambda: port_open(port) and port_open(tls_port)):
            yield Mail(folder, port, tls_port)


async def asked(port: int, **words: Any) -> Finding:
    finding = await look(SmtpProbe, type="smtp", address=f"127.0.0.1:{port}", **words)
    assert PASSWORD not in repr(finding)
    assert base64.b64encode(f"\0probe\0{PASSWORD}".encode()).decode() not in repr(finding)
    return Finding(finding.outcome, finding.reason.replace(f":{port}", ":PORT"), finding.samples, finding.evidence)


@pytest.mark.integration
@on_loop
async def test_starttls_and_signing_in(exim: Mail) -> None:
    expect = {"banner": "ESMTP Exim", "extensions": ["SIZE", "PIPELINING"], "within": "5s"}
    words = {"tls": {"ca": str(exim.ca)}, "auth": {"user": "probe", "password": PASSWORD}, "expect": expect}
    finding = await asked(exim.port, **words)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert {"banner", "ehlo", "starttls", "tls", "auth"} <= {
        name.partition("{")[2][:-1] for name in seen if name.startswith("probe_smtp_duration_seconds")
    }
    assert seen["probe_smtp_status_code"] == 235
    assert seen["probe_ssl_earliest_cert_expiry"] > 0
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in SmtpProbe.metrics}
    assert finding.evidence
    assert dict(finding.evidence.facts)["banner"].startswith("mail.shop.test ESMTP Exim")


@pytest.mark.integration
@on_loop
async def test_tls_from_the_first_byte_and_none_at_all(exim: Mail) -> None:
    finding = await asked(exim.tls_port, security="tls", tls={"ca": str(exim.ca)})
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    finding = await asked(exim.port, security="none", expect={"extensions": ["AUTH"]})
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(r"ehlo: expected 127\.0\.0\.1:PORT to offer AUTH, it offers SIZE.*STARTTLS.*", finding.reason)


@pytest.mark.integration
@on_loop
async def test_a_wrong_password_is_ours_and_an_unknown_authority_theirs(exim: Mail) -> None:
    auth = {"user": "probe", "password": "wrong"}
    finding = await asked(exim.port, tls={"ca": str(exim.ca)}, auth=auth)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason == (
        "auth: 127.0.0.1:PORT did not accept our user and password: '535 Incorrect authentication data'"
    )
    finding = await asked(exim.port)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("tls: the chain of 127.0.0.1 ")
    assert "probe_ssl_earliest_cert_expiry" in numbers(finding)


@on_loop
async def test_no_mail_is_ever_begun() -> None:
    heard = list[bytes]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in (b"220 hi\r\n", b"250 hi\r\n", b"221 bye\r\n"):
            writer.write(reply)
            heard.append(await reader.readline())

    async with serve(talk) as port:
        assert (await asked(port, security="none")).outcome is Outcome.UP
        for _ in range(100):
            if len(heard) == 3:
                break
            await asyncio.sleep(0.02)
    assert heard == [b"EHLO shopwatch\r\n", b"QUIT\r\n", b""]


def saying(*replies: bytes) -> Any:
    """A server that says these in turn, one after each line that it hears, and then waits."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            writer.write(reply)
            await writer.drain()
            await reader.readline()

    return talk


@pytest.mark.parametrize(
    ("replies", "outcome", "reason"),
    [
        (
            [b"554 No service for you\r\n"],
            Outcome.BLOCKED,
            "banner: WHERE turned the probe away: '554 No service for you'",
        ),
        ([b"421 Too busy\r\n"], Outcome.DOWN, "banner: WHERE greeted with '421 Too busy'; expected 220"),
        ([b"SSH-2.0-OpenSSH_9\r\n"], Outcome.DOWN, "banner: WHERE said 'SSH-2.0-OpenSSH_9', which is not SMTP"),
        ([b"220 hi\r\n", b"502 what?\r\n"], Outcome.DOWN, "ehlo: WHERE answered EHLO with '502 what?'; expected 250"),
        (
            [b"220 hi\r\n", b"250-mail\r\n250 SIZE 10\r\n"],
            Outcome.DOWN,
            "starttls: WHERE does not offer STARTTLS, only SIZE",
        ),
        (
            [b"220 hi\r\n", b"250-mail\r\n250 STARTTLS\r\n", b"454 not now\r\n"],
            Outcome.DOWN,
            "starttls: WHERE answered STARTTLS with '454 not now'; expected 220",
        ),
        ([b"220-hi\r\n" * 300], Outcome.DOWN, "banner: WHERE sent a reply of more than 200 lines"),
        ([b""], Outcome.DOWN, "banner: not done within .*: WHERE had taken the connection, but had not said .*"),
    ],
)
@on_loop
async def test_another_reply(replies: list[bytes], outcome: Outcome, reason: str) -> None:
    async with serve(saying(*replies)) as port:
        finding = await asked(port, patience=0.5 if replies == [b""] else 5.0)
    assert finding.outcome is outcome
    assert re.fullmatch(reason.replace("WHERE", "127.0.0.1:PORT").replace("?", r"\?"), finding.reason)


@on_loop
async def test_login_where_plain_is_not_offered_and_nothing_slipped_in_before_tls(tmp_path: Path) -> None:
    authority, heard = Authority(tmp_path), list[bytes]()
    context = authority.server("127.0.0.1")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"250-hi\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n")
        await writer.start_tls(context)
        for reply in (
            b"250-hi\r\n250 AUTH LOGIN\r\n",
            b"334 VXNlcm5hbWU6\r\n",
            b"334 UGFzc3dvcmQ6\r\n",
            b"454 later\r\n",
        ):
            heard.append(await reader.readline())
            writer.write(reply)
        await writer.drain()

    async with serve(talk) as port:
        finding = await asked(port, tls={"ca": str(authority.ca)}, auth={"user": "probe", "password": PASSWORD})
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == "auth: 127.0.0.1:PORT did not accept our user and password: '454 later'"
    assert heard[1:] == [b"AUTH LOGIN\r\n", b"cHJvYmU=\r\n", base64.b64encode(PASSWORD.encode()) + b"\r\n"]


@on_loop
async def test_slow_is_degraded_and_slower_than_expected_is_down() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"250 hi\r\n")
        await reader.readline()

    async with serve(slow) as port:
        finding = await asked(port, security="none", degraded={"after": "50ms"})
        assert finding.outcome is Outcome.DEGRADED
        assert finding.reason.startswith("slow: expected 127.0.0.1:PORT within 50ms, it took ")
        finding = await asked(port, security="none", expect={"within": "50ms", "banner": "ESMTP"})
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch("banner: expected a match of /ESMTP/ .*, got 'hi'; within: expected .*", finding.reason)


@on_loop
async def test_nobody_there_is_down() -> None:
    finding = await asked(refused_port())
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, "connect: 127.0.0.1:PORT refused the connection")
    async with serve(silence) as port:
        finding = await asked(port, security="tls", patience=0.4)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("tls: not done within")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"security": "none", "auth": {"user": "u", "password": "p"}}, "auth without TLS would send the password"),
        ({"hello": "a b\r\nMAIL"}, "String should match pattern"),
        ({"expect": {"banner": "("}}, "is not a regular expression"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        SmtpSettings.model_validate({"name": "mail", "type": "smtp", "address": "mail:25", **words})
