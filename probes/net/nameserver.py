"""Asks a name server over a connection, plain (RFC 7766) or in TLS (RFC 7858), each leg in its phase."""

import dns.exception
import dns.message

from probes.net.question import converse
from probes.net.resolver import Family, Resolver
from probes.net.stream import Stream
from probes.net.tls import TlsSettings
from probes.net.visit import Visit

#: The phases of such a visit, in order; what is plain has no `tls`.
LEGS = ("resolve", "connect", "tls", "request")
#: Where DNS over TLS is served (RFC 7858, 3.1), and DNS itself.
TLS_PORT, PORT = 853, 53


async def consult(
    visit: Visit, resolver: Resolver, family: Family, query: dns.message.Message, tls: TlsSettings | None
) -> dns.message.Message:
    """The answer of the name server that is visited, in TLS if `tls` says how. Raises NetError."""
    wire = await visit.connect(resolver, family)
    if tls is not None:
        await visit.secure(tls)
    visit.phases.enter("request")
    stream = Stream(wire, visit.phases, f"the name server {visit.address}")
    try:
        return await converse(query, stream.send, stream.exactly)
    except (dns.exception.DNSException, ValueError) as error:
        raise stream.error(f"sent no valid DNS answer ({error})") from error
