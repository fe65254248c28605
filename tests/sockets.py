"""Servers that tests start on loopback, well-behaved and hostile: raw TCP, TLS with any certificate, DNS."""

import asyncio
import datetime
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import trustme
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def on_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """An async test on the loop that production has."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        uvloop.run(test(*arguments, **named))

    return run


@asynccontextmanager
async def serve(
    conversation: Conversation, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """A TCP server on a free port (or the one given), which it yields; each connection is one conversation."""
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
                await conversation(reader, writer)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(talk, host, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Shop:
    """Answers every request with the same bytes (or as a function of the request's head says); keeps the requests.

    `linger` keeps the connection open afterwards instead of closing it.
    """

    def __init__(self, answer: bytes | Callable[[bytes], bytes], *, linger: bool = False) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._linger = linger

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length)) if length else b""
            self.requests.append(head + body)
            writer.write(self._answer(head) if callable(self._answer) else self._answer)
            await writer.drain()
            if not self._linger:
                return


def answer(
    status: str = "200 OK", body: bytes = b"", headers: Mapping[str, str] | None = None, length: bool = True
) -> bytes:
    """An HTTP/1.1 answer as bytes."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def after_head(*pieces: bytes | float, close: bool = True) -> Conversation:
    """Reads the request's head, then sends the pieces; a number among them is a pause in seconds."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            if isinstance(piece, bytes):
                writer.write(piece)
                await writer.drain()
            else:
                await asyncio.sleep(piece)
        if not close:
            await reader.read()

    return talk


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection and says nothing."""
    await reader.read()
    await asyncio.sleep(60)


class Authority:
    """A certificate authority of the tests, its root in `ca` (a PEM file)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.ca = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))

    def server(self, *names: str, expires: datetime.datetime | None = None) -> ssl.SSLContext:
        """A server's context with a good certificate for `names`, or one that has `expires`d."""
        certificate = self._authority.issue_cert(*names, not_after=expires)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    def without_chain(self, *names: str) -> ssl.SSLContext:
        """A certificate of an intermediate authority that the server forgets to send."""
        certificate = self._authority.create_child_ca().issue_cert(*names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        path = self._folder / "leaf.pem"
        path.write_bytes(certificate.private_key_pem.bytes() + certificate.cert_chain_pems[0].bytes())
        context.load_cert_chain(path)
        return context

    def client(self, name: str) -> Path:
        """A client's certificate and key in one file."""
        path = self._folder / "client.pem"
        self._authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(path))
        return path

    def demand(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """The same server, which now wants a client's certificate."""
        context.verify_mode = ssl.CERT_REQUIRED
        self._authority.configure_trust(context)
        return context


def self_signed(folder: Path, name: str) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=10))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "self-signed.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


#: What a DNS server does when it is asked: records as zone files have them, a code, silence, or a too long answer.
Zone = Mapping[tuple[str, str], Sequence[str] | str]


class NameServer(asyncio.DatagramProtocol):
    """A DNS server over a small zone: {("shop.example.", "A"): ["10.0.0.1"]}, or instead of a list "SERVFAIL",
    "NXDOMAIN", "REFUSED", "silent" or "garbage". What is not in the zone: NXDOMAIN, or NOERROR when the name has
    another type. An entry ("*", "TC") makes UDP answers come truncated.
    """

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.questions: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        reply = self.reply(data)
        if reply is None:
            return
        if ("*", "TC") in self.zone:
            message = dns.message.make_response(dns.message.from_wire(data))
            message.flags |= dns.flags.TC
            reply = message.to_wire()
        self._transport.sendto(reply, address)  # type: ignore[attr-defined]  # it is a datagram transport

    def reply(self, data: bytes) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.questions.append(f"{name} {kind}")
        found = self.zone.get((name, kind), self.zone.get((name, "*"), self.zone.get(("*", "*"))))
        message = dns.message.make_response(query)
        if found == "silent":
            return None
        if found == "garbage":
            return b"\x00garbage"
        if found is None:
            known = any(owner == name for owner, _ in self.zone)
            message.set_rcode(dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN)
        elif isinstance(found, str):
            message.set_rcode(dns.rcode.from_text(found))
        else:
            message.flags |= dns.flags.AA
            for text in found:
                owner, _, rest = text.partition(" IN ")
                rest = rest or f"{kind} {text}"
                owner = owner if rest != f"{kind} {text}" else name
                record_kind, _, value = rest.partition(" ")
                message.answer.append(dns.rrset.from_text(owner, 60, "IN", record_kind, value))
        return message.to_wire()

    async def by_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The same answers over TCP."""
        length = int.from_bytes(await reader.readexactly(2), "big")
        reply = self.reply(await reader.readexactly(length))
        if reply is None:
            await asyncio.sleep(60)
            return
        writer.write(len(reply).to_bytes(2, "big") + reply)
        await writer.drain()


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[tuple[int, NameServer]]:
    """A DNS server on a free port of loopback, by UDP and TCP."""
    server = NameServer(zone)
    async with serve(server.by_tcp) as port:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", port))
        try:
            yield port, server
        finally:
            transport.close()


def refused_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
