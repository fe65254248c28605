"""What of a probe's settings must be shown to nobody: its secrets, what `${VAR}` brought in, credentials it sends."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel

from probes.base import ProbeSettings
from probes.net.address import Url
from probes.settings import Secret, SecretUnreadable, Settings

_VARIABLE = re.compile(r"\$\{[^}]*\}")
_CREDENTIAL = re.compile(r"pass|pwd|secret|token|key|auth|pin\b|credential|session|signature|\bsig\b", re.IGNORECASE)
#: Headers whose values say nothing that is ours alone.
_PUBLIC_HEADERS = frozenset(
    [
        *("accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection"),
        *("content-language", "content-length", "content-type", "date", "dnt", "expect", "host", "origin"),
        *("pragma", "range", "referer", "te", "user-agent", "via"),
    ]
)
_HEADERS = ("headers", "header")
_PUBLIC_FIELDS = frozenset(ProbeSettings.model_fields)


def confidential(settings: Settings) -> tuple[frozenset[str], tuple[Secret, ...]]:
    """The texts that are confidential, and the secrets kept in files, which may be others at each look."""
    secrets = list(_secrets(settings))
    texts = set(_texts(settings)) | {secret.read() for secret in secrets if secret.file is None}
    return frozenset(filter(None, texts)), tuple(secret for secret in secrets if secret.file is not None)


def basic_credentials(settings: Settings) -> Iterator[str]:
    """What RFC 7617 makes of each user and password in the settings, as far as it can be read now."""
    for model in _models(settings):
        values = dict(model)
        user = values.get("user") or values.get("username") or ""
        password = values.get("password")
        if isinstance(user, str) and isinstance(password, Secret):
            try:
                yield b64encode(f"{user}:{password.read()}".encode()).decode()
            except SecretUnreadable:
                continue


def _models(value: object) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
        value = list(dict(value).values())
    for item in _items(value):
        yield from _models(item)


def _items(value: object) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _secrets(value: object) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        yield from _secrets(list(dict(value).values()))
    for item in _items(value):
        yield from _secrets(item)


def _texts(settings: Settings) -> Iterator[str]:
    for model in _models(settings):
        written = model._written if isinstance(model, Settings) else {}
        for name, value in dict(model).items():
            if name in written and name not in _PUBLIC_FIELDS:
                yield from _filled_in(value, written[name])
            if isinstance(value, Url):
                yield from _credentials_in(urlsplit(str(value)).query)
            elif name in _HEADERS and isinstance(value, dict):
                yield from _in_headers(value)
            elif name == "body" and isinstance(value, str):
                yield from _credentials_in(value)


def _filled_in(value: object, written: object) -> Iterator[str]:
    """What the variables stood for. An address is no secret; what variables put behind it may be."""
    if isinstance(value, dict) and isinstance(written, dict):
        for key, item in value.items():
            yield from _filled_in(item, written.get(key))
    elif isinstance(value, list | tuple) and isinstance(written, list | tuple):
        for one, other in zip(value, written, strict=False):
            yield from _filled_in(one, other)
    elif isinstance(value, str | Url) and isinstance(written, str):
        fixed = map(re.escape, _VARIABLE.split(written))
        match = re.fullmatch("(.*?)".join(fixed), str(value), re.DOTALL)
        parts = match.groups() if match else (str(value),)
        address = str(value).partition("?")[0] if isinstance(value, Url) else ""
        yield from (part for part in parts if not (isinstance(value, Url) and part in address) and "://" not in part)


def _in_headers(headers: dict[str, object]) -> Iterator[str]:
    for name, value in headers.items():
        if not isinstance(value, str) or name.lower() in _PUBLIC_HEADERS:
            continue
        yield value
        if name.lower() == "cookie":
            yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        elif name.lower().endswith("authorization"):
            yield value.partition(" ")[2]


def _credentials_in(text: str) -> Iterator[str]:
    """The values of a form's or a JSON document's fields whose names say that they are credentials."""
    try:
        yield from _credentials_of(json.loads(text))
    except (ValueError, RecursionError):
        yield from (value for name, value in parse_qsl(text) if _CREDENTIAL.search(name))


def _credentials_of(value: object, name: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if _CREDENTIAL.search(name):
            yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _credentials_of(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _credentials_of(item, name)
