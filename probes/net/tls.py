"""How we speak TLS: whom we trust, who we say we are, and what a refused handshake means in plain words."""

import ssl
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from probes.net.certificate import Certificate, TlsFacts
from probes.net.errors import NetError
from probes.settings import Settings

Version = Literal["1.0", "1.1", "1.2", "1.3"]
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
# X509_V_ERR_… of OpenSSL's x509_vfy.h
_NOT_YET, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_ROOT, _NO_ISSUER, _NO_FIRST = 9, 10, 18, 19, 20, 21
_REVOKED, _WRONG_HOST, _WRONG_IP = 23, 62, 64


class TlsSettings(Settings):
    """Whom to trust and what to show. Nothing set means: as a browser on this machine would.

    `ca` is a PEM file trusted instead of the system's authorities; `certificate` and `key` are ours, for servers
    that ask (mTLS); `name` is sent and checked instead of the host; `verify: false` accepts any certificate.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    name: str | None = None
    verify: bool = True
    min_version: Version = "1.2"
    max_version: Version | None = None


#: What every connection uses unless told otherwise.
DEFAULT_TLS = TlsSettings()


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        return DEFAULT_TLS if value else None
    return value


#: `tls: true`, or what differs from the usual.
TlsWord = Annotated[TlsSettings | None, BeforeValidator(_word, json_schema_input_type=bool | TlsSettings)]


class TlsError(NetError):
    """The handshake failed. `facts` are what the server showed when asked again without verification."""

    def __init__(self, message: str, *, ours: bool = False, code: int = 0) -> None:
        super().__init__(message, "tls", ours=ours)
        self.code = code
        self.facts: TlsFacts | None = None


def _stamp(path: Path | None) -> int:
    return 0 if path is None else path.stat().st_mtime_ns


def context_of(settings: TlsSettings, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """The shared context for these settings: made once (it costs milliseconds), again when a file has changed.

    Raises TlsError, ours, when a file is missing or is not what it should be.
    """
    try:
        stamps = (_stamp(settings.ca), _stamp(settings.certificate), _stamp(settings.key))
        return _context(settings, alpn, stamps)
    except (OSError, ssl.SSLError, ValueError) as error:
        files = ", ".join(str(p) for p in (settings.ca, settings.certificate, settings.key) if p)
        raise TlsError(f"tls: cannot use the TLS files {files}: {error}", ours=True) from None


def prepare(settings: TlsSettings, alpn: tuple[str, ...] = ()) -> None:
    """Make the context before it is needed, so that no measurement beside it waits; a bad file is told at the look."""
    with suppress(TlsError):
        context_of(settings, alpn)


@lru_cache(maxsize=256)
def _context(settings: TlsSettings, alpn: tuple[str, ...], stamps: tuple[int, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(settings.ca) if settings.ca else None)
    context.minimum_version = _VERSIONS[settings.min_version]
    if settings.max_version:
        context.maximum_version = _VERSIONS[settings.max_version]
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate:
        context.load_cert_chain(settings.certificate, settings.key)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def from_ssl_error(error: ssl.SSLError, host: str) -> TlsError:
    """The TlsError of a failed handshake with `host`, before anything is known of its certificates."""
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"tls: the certificate of {host} is not valid: {error.verify_message}"
        return TlsError(message, code=error.verify_code)
    reason = (error.reason or str(error)).replace("_", " ").lower()
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"):
        return TlsError(f"tls: {host} does not speak TLS on this port (what it sent is no TLS record)")
    if error.reason in ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"):
        return TlsError(f"tls: {host} offers no TLS version that we accept ({reason})")
    if error.reason and "CERTIFICATE_REQUIRED" in error.reason:
        return TlsError(f"tls: {host} demands a client certificate (set tls: {{certificate: …, key: …}})")
    return TlsError(f"tls: the handshake with {host} failed: {reason}")


def explain(error: TlsError, host: str, facts: TlsFacts, now: float | None = None) -> TlsError:
    """The same error in plain words, once the certificates are known. `now` is wall-clock seconds, UTC."""
    told = TlsError(_reason(error, host, facts, time.time() if now is None else now), code=error.code)
    told.facts = facts
    return told


def _reason(error: TlsError, host: str, facts: TlsFacts, now: float) -> str:
    if not facts.chain:
        return str(error)
    leaf = facts.chain[0]
    if error.code == _EXPIRED:
        old = next((c for c in facts.chain if c.not_after <= now), leaf)
        which = f"the certificate of {host}" if old is leaf else f"{old.common_name!r} in the chain of {host}"
        return f"tls: {which} expired on {day(old.not_after)}"
    if error.code == _NOT_YET:
        return f"tls: the certificate of {host} is not valid before {day(leaf.not_before)}; is our own clock right?"
    if error.code in (_WRONG_HOST, _WRONG_IP):
        return f"tls: expected a certificate for {host}, got one for {_names(leaf)}"
    if error.code == _SELF_SIGNED:
        return f"tls: the certificate of {host} is self-signed: no authority that we trust vouches for it"
    if error.code == _SELF_SIGNED_ROOT:
        return f"tls: the chain of {host} ends at {facts.chain[-1].common_name!r}, an authority that we do not trust"
    if error.code in (_NO_ISSUER, _NO_FIRST):
        return (
            f"tls: the chain of {host} is incomplete: {_dangling(facts.chain).issuer!r} was not sent,"
            " and is no authority that we trust"
        )
    if error.code == _REVOKED:
        return f"tls: the certificate of {host} has been revoked"
    return str(error)


def _dangling(chain: tuple[Certificate, ...]) -> Certificate:
    """The certificate up to which the chain holds together: its issuer is the one that nobody sent."""
    last = chain[0]
    for certificate in chain[1:]:
        if certificate.subject != last.issuer:
            break
        last = certificate
    return last


def _names(leaf: Certificate) -> str:
    shown = ", ".join(leaf.names[:3]) or leaf.subject or "nobody"
    more = len(leaf.names) - 3
    return shown + (f" and {more} more" if more > 0 else "")


def day(at: float) -> str:
    """The UTC day of a wall-clock time, such as 2026-11-21."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))
