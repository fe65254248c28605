"""Shakes hands in TLS; and when a certificate does not hold, asks once more just to read it."""

import asyncio

from probes.net.certificate import TlsFacts
from probes.net.errors import NetError
from probes.net.tls import TlsError, TlsSettings, context_of, explain
from probes.net.wire import Wire, connect

#: Seconds that the second look at a bad certificate may take.
_SECOND_LOOK = 2.0


async def handshake(wire: Wire, settings: TlsSettings, host: str, alpn: tuple[str, ...] = ()) -> TlsFacts:
    """Turn a connection to TLS; on any failure it is hung up. Raises TlsError or NetError."""
    try:
        return await wire.start_tls(context_of(settings, alpn), settings.name or host)
    except BaseException:
        wire.abort()
        raise


async def with_certificates(error: TlsError, ip: str, port: int, settings: TlsSettings, host: str) -> TlsError:
    """The error with what the server's certificates say, read over a second connection that verifies nothing.

    OpenSSL forgets a chain that it refuses. Nothing is sent over the second connection.
    """
    if not error.code:
        return error
    try:
        async with asyncio.timeout(_SECOND_LOOK):
            wire = await connect([ip], port, host)
            blind = settings.model_copy(update={"verify": False})
            facts = await handshake(wire, blind, host)
            wire.close()
    except (NetError, TimeoutError):
        return error
    return explain(error, settings.name or host, facts)
