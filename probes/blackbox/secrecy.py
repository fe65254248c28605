"""Keeps what a module knows and nobody else may out of what /probe says: servers echo what they are sent."""

from collections.abc import Iterable, Iterator

from probes.blackbox.modules import Module
from probes.confidential import basic_credentials, confidential
from probes.redact import Redactor
from probes.settings import SecretUnreadable

#: So many first characters of a secret tell too much of it.
_TELLING = 6
_CUT = "…"


def discreet(module: Module, told: str, sent: Iterable[str] = ()) -> str:
    """The sentence without the module's passwords, tokens, headers and what it says over TCP, on one line.

    `sent` is what else was shown to the server and is nobody's business, such as a token fetched for it.
    """
    if not told:
        return ""
    secrets = sorted({*_secrets(module), *sent}, key=len, reverse=True)
    text = Redactor(secrets).cut(told)
    for secret in secrets:
        text = _without_start(text, secret)
    return " ".join(text.split())


def _secrets(module: Module) -> Iterator[str]:
    texts, files = confidential(module)
    yield from texts
    for secret in files:
        try:
            yield secret.read()
        except SecretUnreadable:  # then it was not sent either
            continue
    yield from basic_credentials(module)
    for turn in module.tcp.query_response:  # logins of mail and chat servers stand here, in no field of their own
        yield turn.send or ""
        yield from (turn.send or "").split()[1:]


def _without_start(text: str, secret: str) -> str:
    """What came is quoted to its first 60 bytes, perhaps with the first part of a secret at their end."""
    if len(secret) <= _TELLING:
        return text
    while (at := text.find(secret[:_TELLING])) >= 0:
        end = at + _TELLING
        while end < len(text) and end - at < len(secret) and text[end] == secret[end - at]:
            end += 1
        text = text[:at] + _CUT + text[end:]
    return text
