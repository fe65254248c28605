"""What a server's certificates say: for whom, by whom, until when; and the metrics that come of it."""

import hashlib
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from probes.base import Metric, Sample

#: blackbox_exporter's names, given by every probe that speaks TLS.
TLS_METRICS: tuple[Metric, ...] = (
    Metric("probe_ssl_earliest_cert_expiry", "gauge", "When the first certificate of the chain sent expires (Unix)."),
    Metric(
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "gauge",
        "When the verified chain expires (Unix): the earliest expiry in it. Absent when the chain was not verified.",
    ),
    Metric(
        "probe_ssl_last_chain_info", "gauge", "Always 1; the leaf certificate's fingerprint, subject, issuer, names."
    ),
    Metric("probe_tls_version_info", "gauge", "Always 1; the TLS version agreed on."),
    Metric("probe_tls_cipher_info", "gauge", "Always 1; the cipher agreed on."),
)

#: How OpenSSL's protocol names read in Prometheus, as blackbox_exporter writes them.
_VERSIONS = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}
_DER = 2  # _ssl.ENCODING_DER


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. Times are wall-clock seconds, UTC; `names` are the DNS names and addresses it is valid
    for, `dns_names` those that are written as such."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    dns_names: tuple[str, ...]
    not_before: float
    not_after: float
    fingerprint: str
    serial: str

    @property
    def common_name(self) -> str:
        """The subject's CN, or the whole subject."""
        parts = dict(part.partition("=")[::2] for part in self.subject.split(","))
        return parts.get("CN") or self.subject


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What a handshake showed: version, cipher, ALPN, and the chain as the server sent it, leaf first.

    `verified` is the chain up to the trusted root, empty when it was not verified. `samples` are the facts as metrics.
    """

    version: str
    cipher: str
    alpn: str
    chain: tuple[Certificate, ...]
    verified: tuple[Certificate, ...] = ()
    samples: tuple[Sample, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", _samples(self))

    @property
    def earliest_expiry(self) -> float | None:
        """When the first certificate of the chain sent expires."""
        return min((certificate.not_after for certificate in self.chain), default=None)


@lru_cache(maxsize=4096)
def parse(der: bytes) -> Certificate:
    """Read one certificate; each is parsed once and remembered, as they change every few weeks only.

    Raises ValueError when it is no certificate.
    """
    certificate = x509.load_der_x509_certificate(der)
    names: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns_names = tuple(alternative.get_values_for_type(x509.DNSName))
        names = dns_names + tuple(str(address) for address in alternative.get_values_for_type(x509.IPAddress))
    except (x509.ExtensionNotFound, ValueError):
        names = tuple(str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=names,
        dns_names=dns_names,
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        fingerprint=hashlib.sha256(der).hexdigest(),
        serial=f"{certificate.serial_number:x}",
    )


#: What handshakes showed lately: a server shows the same for weeks, and reading it costs more than all the rest here.
_seen: dict[tuple[Any, ...], TlsFacts] = {}
_REMEMBERED = 4096


def facts_of(tls: ssl.SSLObject) -> TlsFacts:
    """What a finished handshake shows."""
    cipher = tls.cipher()
    ders = _chain(tls, "get_unverified_chain")
    # The context belongs to the key: it decides whether, and by whose root, the same chain is verified.
    key = (tls.context, tls.version(), cipher, tls.selected_alpn_protocol(), ders)
    facts = _seen.get(key)
    if facts is None:
        if len(_seen) >= _REMEMBERED:
            _seen.clear()
        facts = _seen[key] = _read(tls, ders, cipher[0] if cipher else "")
    return facts


def _read(tls: ssl.SSLObject, ders: tuple[bytes, ...], cipher: str) -> TlsFacts:
    verified = tls.context.verify_mode != ssl.CERT_NONE
    return TlsFacts(
        version=_VERSIONS.get(tls.version() or "", tls.version() or ""),
        cipher=cipher,
        alpn=tls.selected_alpn_protocol() or "",
        chain=_parse_all(ders),
        verified=_parse_all(_chain(tls, "get_verified_chain")) if verified else (),
    )


def _chain(tls: ssl.SSLObject, method: str) -> tuple[bytes, ...]:
    """Python 3.13 made these methods public; 3.10 to 3.12 have the same ones on the inner object."""
    source: Any = tls if hasattr(tls, method) else tls._sslobj  # type: ignore[attr-defined]  # see above
    return tuple(c if isinstance(c, bytes) else c.public_bytes(_DER) for c in getattr(source, method)() or ())


def _parse_all(ders: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    found = []
    for der in ders:
        try:
            found.append(parse(der))
        except ValueError:  # OpenSSL is more patient with odd certificates than cryptography is
            continue
    return tuple(found)


def _samples(facts: TlsFacts) -> tuple[Sample, ...]:
    samples = [
        Sample("probe_tls_version_info", 1.0, (("version", facts.version),)),
        Sample("probe_tls_cipher_info", 1.0, (("cipher", facts.cipher),)),
    ]
    if facts.earliest_expiry is not None:
        leaf = facts.chain[0]
        samples.append(Sample("probe_ssl_earliest_cert_expiry", facts.earliest_expiry))
        labels = {
            "fingerprint_sha256": leaf.fingerprint,
            "issuer": leaf.issuer,
            "serialnumber": leaf.serial,
            "subject": leaf.subject,
            "subjectalternative": ",".join(leaf.names),
        }
        samples.append(Sample("probe_ssl_last_chain_info", 1.0, tuple(labels.items())))
    if facts.verified:
        expiry = min(certificate.not_after for certificate in facts.verified)
        samples.append(Sample("probe_ssl_last_chain_expiry_timestamp_seconds", expiry))
    return tuple(samples)
