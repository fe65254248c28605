"""What one name server said to one question, and how to read its records."""

from dataclasses import dataclass, field
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from probes.base import Outcome
from probes.net.address import Address
from probes.net.certificate import TlsFacts
from probes.net.errors import NetError

_SHOWN = 10


def parse_record(kind: str, text: str) -> dns.rdata.Rdata:
    """A record's value as zone files write it. Raises ValueError with a sentence."""
    try:
        return dns.rdata.from_text(dns.rdataclass.IN, kind, text, origin=dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"expect.records: {text!r} is not the value of a record of type {kind}: {error}") from None


@dataclass(slots=True)
class Reply:
    """What one name server said, or why it said nothing. `phases` are the seconds of each leg, `seconds` those of all
    but resolving; `facts` are those of TLS.
    """

    server: Address
    ip: str = ""
    phases: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    facts: TlsFacts | None = None
    message: dns.message.Message | None = None
    error: NetError | None = None
    reason: str = ""

    @property
    def outcome(self) -> Outcome:
        """Up when it said what it should."""
        if self.error:
            return self.error.outcome
        return Outcome.DOWN if self.reason else Outcome.UP


def records_of(message: dns.message.Message, kind: str) -> list[dns.rdata.Rdata]:
    """The answers of this type, wherever a CNAME led."""
    wanted = dns.rdatatype.from_text(kind)
    return [record for rrset in message.answer if rrset.rdtype == wanted for record in rrset]


def listing(records: list[dns.rdata.Rdata]) -> str:
    """The records for a sentence: sorted, and not too many of them."""
    shown = ", ".join(sorted(record.to_text() for record in records)[:_SHOWN]) or "nothing"
    return shown + (f" and {len(records) - _SHOWN} more" if len(records) > _SHOWN else "")


def count(section: list[Any]) -> float:
    """How many records a section has."""
    return float(sum(len(rrset) for rrset in section))
