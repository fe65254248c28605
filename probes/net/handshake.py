"""Shakes hands in TLS; and when a certificate does not hold, asks once more just to read it."""

import asyncio
from collections.abc import Awaitable, Callable

from probes.net.certificate import TlsFacts
from probes.net.errors import NetError
from probes.net.phases import Phases
from probes.net.tls import TlsError, TlsSettings, context_of, explain
from probes.net.wire import Wire

#: Seconds that the second look at a bad certificate may take.
_SECOND_LOOK = 2.0


async def handshake(
    wire: Wire, phases: Phases, settings: TlsSettings, host: str, alpn: tuple[str, ...] = (), *, hold: bool = False
) -> TlsFacts:
    """Turn a connection to TLS, in the phase `tls`; on any failure it is hung up. Raises TlsError or NetError.

    `hold` says that we shall write at once.
    """
    try:
        context = context_of(settings, alpn)  # before the phase begins: the first time this costs milliseconds
        phases.enter("tls")
        return await wire.start_tls(context, settings.name or host, hold=hold)
    except BaseException:
        wire.abort()
        raise


async def with_certificates(
    error: TlsError, reopen: Callable[[], Awaitable[Wire]], settings: TlsSettings, host: str
) -> TlsError:
    """The error with what the server's certificates say, read over a second connection that verifies nothing.

    OpenSSL forgets a chain that it refuses. `reopen` gives a connection that is ready for the handshake; afterwards
    nothing is sent over it.
    """
    if not error.code:
        return error
    try:
        async with asyncio.timeout(_SECOND_LOOK):
            wire = await reopen()
            blind = settings.model_copy(update={"verify": False})
            facts = await handshake(wire, Phases(), blind, host)
            wire.close()
    except (NetError, TimeoutError):
        return error
    return explain(error, settings.name or host, facts)
