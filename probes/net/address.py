"""Where a probe goes: a URL or a host and port, checked when the config is read, so that a typo is found there."""

import ipaddress
import re
from functools import lru_cache
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

import idna
from pydantic import BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
#: Of a redirect's goal: where its query begins, and how a goal with a host does.
_BEHIND_PATH, _SLASHES = re.compile(r"[?#]"), re.compile(r"\A(https?:|)//+", re.IGNORECASE)
_SAFE_PATH = "%/:=&?~#+!$,;'@()*[]|"


def ascii_host(host: str) -> str:
    """The host as it goes on the wire: Unicode names in punycode, lower case. Raises ValueError with a sentence."""
    if is_ip(host):
        return host.lower()
    name = host.removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError as error:
            raise ValueError(f"{host!r} is not a host name: {error}") from None
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(f"{host!r} is not a host name")
    return name.lower() + ("." if host.endswith(".") else "")


@lru_cache(maxsize=65536)
def is_ip(host: str) -> bool:
    """Whether this is an IPv4 or IPv6 address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def bracketed(host: str) -> str:
    """The host as URLs and Host headers write it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError(f"{whole!r} has no valid port; a port is a number from 1 to 65535")
    return int(text)


class Address(NamedTuple):
    """A host and a port, written `shop.example:443` or `[::1]:443`."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"

    @classmethod
    def parse(cls, text: Any, port: int | None = None) -> "Address":
        """Read `host:port`; `port` is what a missing one means. Raises ValueError with a sentence."""
        if not isinstance(text, str):
            raise ValueError(f"{text!r} is not an address; write host:port, such as shop.example:443")
        if is_ip(text) and port is not None:
            return cls(text.lower(), port)
        host, colon, tail = text.rpartition(":")
        if not colon or tail.endswith("]"):
            if port is None:
                raise ValueError(f"{text!r} has no port; write host:port, such as shop.example:443")
            return cls(ascii_host(text.removeprefix("[").removesuffix("]")), port)
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise ValueError(f"{text!r} is not an address; write an IPv6 address in brackets, such as [::1]:443")
        return cls(ascii_host(host), _port(tail, text))


class Url:
    """An http or https URL, taken apart once. `origin` is what decides whether credentials may follow a redirect."""

    __slots__ = ("authority", "fragment", "host", "origin", "port", "scheme", "shown", "target")

    def __init__(self, text: str) -> None:
        """Raises ValueError with a sentence when `text` is not such a URL."""
        try:
            parts = urlsplit(text)
            port, host = parts.port, parts.hostname
        except ValueError as error:
            raise ValueError(f"{text!r} is not a URL: {error}") from None
        if parts.scheme not in _PORTS:
            raise ValueError(f"{text!r} is not a URL that can be probed; it must begin with http:// or https://")
        if not host:
            raise ValueError(f"{text!r} has no host")
        if parts.username is not None or parts.password is not None:
            raise ValueError(f"the URL of {host} carries a user or password; write them under auth: {{basic: …}}")
        self.scheme = parts.scheme
        self.host = ascii_host(host)
        self.port = port or _PORTS[self.scheme]
        self.origin = (self.scheme, self.host, self.port)
        default = self.port == _PORTS[self.scheme]
        self.authority = bracketed(self.host) + ("" if default else f":{self.port}")
        path = quote(parts.path, _SAFE_PATH) or "/"
        self.target = path + (f"?{quote(parts.query, _SAFE_PATH)}" if parts.query else "")
        self.fragment = parts.fragment
        #: The URL without its query and fragment, which may hold tokens: fit for a page.
        self.shown = f"{self.scheme}://{self.authority}{path}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def __repr__(self) -> str:
        return f"Url({self.shown!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def join(self, location: str) -> "Url":
        """Where a redirect from here leads, as browsers read it. Raises ValueError for what is not an http URL.

        A backslash is a slash up to the query, and before a host any number of slashes from two is two
        (https://url.spec.whatwg.org/#special-authority-ignore-slashes-state).
        """
        location = location.strip()
        path = _BEHIND_PATH.split(location, maxsplit=1)[0]
        slashed = _SLASHES.sub(r"\1//", path.replace("\\", "/"))
        return Url(urljoin(str(self), slashed + location[len(path) :]))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.to_string_ser_schema(),
        )


def _address(value: Any) -> Any:
    return value if isinstance(value, Address) else Address.parse(value)


#: `host:port` in YAML.
HostPort = Annotated[Address, BeforeValidator(_address, json_schema_input_type=str)]


def _name_server(value: Any) -> Any:
    return value if isinstance(value, Address) else Address.parse(value, 53)


#: A name server in YAML: an address or a name, with a port where it is not 53.
NameServer = Annotated[Address, BeforeValidator(_name_server, json_schema_input_type=str)]
