"""What /probe says of a server that echoes our own words: never a password, token, cookie or header of the module."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from probes.blackbox.guard import Guard
from probes.blackbox.modules import Module, load_modules
from probes.blackbox.prober import probe
from probes.blackbox.secrecy import discreet
from tests.sockets import Shop, answer, on_loop, serve

TOKEN = "tok-" + "7Ys!pq/Zr" * 12
PASSWORD = "hunter2-correct-horse"
HTTP = {
    "basic": {"basic_auth": {"username": "mei", "password": PASSWORD}},
    "bearer": {"bearer_token": TOKEN},
    "credentials": {"authorization": {"credentials": TOKEN}},
    "header": {"headers": {"X-Api-Key": TOKEN}},
    "cookie": {"headers": {"Cookie": f"theme=dark; session={TOKEN}"}},
    "form": {"method": "POST", "body": f"user=mei&password={PASSWORD}"},
}
SECRETS = (TOKEN, PASSWORD, TOKEN[:12], PASSWORD[:12], base64.b64encode(f"mei:{PASSWORD}".encode()).decode())


async def said(module: Mapping[str, object], target: str, seconds: float = 5.0) -> str:
    modules = load_modules(yaml.safe_dump({"modules": {"m": dict(module)}}), "b.yml")
    told, page = await probe(modules["m"], target, Guard(["127.0.0.0/8"]), seconds)
    assert not told.success
    assert told.reason
    return told.reason + page


@pytest.mark.parametrize("way", sorted(HTTP))
@pytest.mark.parametrize("echo", ["the request", "the header", "a redirect"])
@on_loop
async def test_http_secrets_that_are_echoed(way: str, echo: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.read(1000) if b"POST" in head else b""
        lines = [
            line for line in head.split(b"\r\n") if line.split(b":")[0] in (b"Authorization", b"X-Api-Key", b"Cookie")
        ]
        secret = body or lines[-1].partition(b": ")[2]
        if echo == "the request":
            writer.write(secret + b"\r\n" + head + body)
        elif echo == "the header":
            writer.write(b"Your secret is " + secret)
        else:
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: ftp://" + secret + b"/\r\nContent-Length: 0\r\n\r\n")

    async with serve(talk) as port:
        shown = await said({"prober": "http", "http": HTTP[way]}, f"127.0.0.1:{port}")
    assert not [secret for secret in SECRETS if secret in shown], shown


@on_loop
async def test_a_secret_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"your password is {PASSWORD}".encode())

    module = {"prober": "http", "http": {"basic_auth": {"username": "mei", "password_file": str(file)}}}
    async with serve(talk) as port:
        shown = await said(module, f"127.0.0.1:{port}")
    assert "'your password is …'" in shown
    assert not [secret for secret in SECRETS if secret in shown]


@on_loop
async def test_a_token_that_was_fetched() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(head[head.index(b"Bearer ") + 7 :])

    body = json.dumps({"access_token": TOKEN, "expires_in": 60}).encode()
    async with serve(Shop(answer(body=body))) as tokens, serve(talk) as port:
        oauth2 = {
            "client_id": "probe",
            "client_secret": PASSWORD,
            "token_url": f"http://127.0.0.1:{tokens}/token",
        }
        shown = await said({"prober": "http", "http": {"oauth2": oauth2}}, f"127.0.0.1:{port}")
    assert "sent what is not HTTP: '…" in shown
    assert not [secret for secret in SECRETS if secret in shown]


@on_loop
async def test_what_is_said_over_tcp() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        writer.write(b"500 what is " + line.split()[-1] + b", please?\n")

    module = {"prober": "tcp", "tcp": {"query_response": [{"send": f"PASS {PASSWORD}"}, {"expect": "^230"}]}}
    async with serve(talk) as port:
        shown = await said(module, f"127.0.0.1:{port}", 1.0)
    assert "500 what is …, please?" in shown
    assert not [secret for secret in SECRETS if secret in shown]


def test_a_sentence_stays_on_its_line() -> None:
    module = load_modules("modules: {m: {prober: http}}", "b.yml")["m"]
    assert discreet(module, "one\n\nprobe_success 1\n") == "one probe_success 1"
    assert discreet(module, "") == ""


@given(st.text(min_size=7, max_size=40), st.integers(min_value=6, max_value=40), st.text(max_size=20))
def test_no_first_part_of_a_secret_is_left(secret: str, size: int, around: str) -> None:
    module = Module.model_validate({"prober": "http", "http": {"bearer_token": secret}})
    shown = discreet(module, f"{around}{secret[:size]}' came")
    assert secret[:6] not in shown
    assert shown == " ".join(shown.split())
