"""What DNS is told in YAML: names, types of records, answer codes and name servers, checked when the config is read."""

from typing import Annotated, Any

import dns.exception
import dns.name
import dns.rcode
import dns.rdatatype
from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from probes.net.address import Address
from probes.net.nameserver import PORT, TLS_PORT


def _domain(text: str) -> str:
    try:
        dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{text!r} is not a domain name: {error}") from None
    return text


def _record(text: str) -> str:
    try:
        kind = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is not a DNS record type, such as A, AAAA, MX, TXT, NS, SOA or CAA") from None
    if dns.rdatatype.is_metatype(kind):
        raise ValueError(f"{text!r} is not the type of a record that can be asked for")
    return kind.name


def _rcode(text: str) -> str:
    try:
        return str(dns.rcode.from_text(text).name)
    except dns.exception.DNSException:
        raise ValueError(f"{text!r} is not a DNS answer code, such as NOERROR, NXDOMAIN or REFUSED") from None


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


def _server(value: Any, info: ValidationInfo) -> Any:
    """The port that a name server may leave out is that of the `transport`, which the settings name before it."""
    port = TLS_PORT if info.data.get("transport") == "tls" else PORT
    return value if isinstance(value, Address) else Address.parse(value, port)


#: `shop.example` in YAML.
Domain = Annotated[str, AfterValidator(_domain)]
#: `A`, `mx` … in YAML.
RecordType = Annotated[str, AfterValidator(_record)]
#: `NXDOMAIN` … in YAML.
AnswerCode = Annotated[str, AfterValidator(_rcode)]
#: One name server or several in YAML, each an address or a name.
NameServers = Annotated[
    tuple[Annotated[Address, BeforeValidator(_server, json_schema_input_type=str)], ...],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
]
#: One value or several, as zone files write them.
Records = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
