"""The door: no web page may act for its reader, and no foreign name may be made to point at us."""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.config import Config

_READING = ("GET", "HEAD", "OPTIONS")
#: A job may report by GET, so that a page could do it with an image.
_ACTING = "/heartbeat/"
#: What programs read, which reach us by whatever name a network gives us, such as a container's.
_FOR_PROGRAMS = ("/metrics", "/-/", "/api/", "/probe", "/heartbeat/")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Door:
    """Lets requests in, or says why not: 421 for a Host that is not ours, 403 for what another site's page sends.

    A browser tells the site that a request comes from (Origin, Fetch Metadata's Sec-Fetch-Site), and no page can
    change that. A page that rebinds its own name to our address (DNS rebinding) is of one origin with us, but its
    requests carry its name as Host. `config` answers the present one.
    """

    def __init__(self, app: ASGIApp, config: Callable[[], Config]) -> None:
        self._app, self._config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        refusal = _refusal(scope, self._config()) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)


def _refusal(scope: Scope, config: Config) -> PlainTextResponse | None:
    headers, path = Headers(scope=scope), str(scope["path"])
    host = headers.get("host", "").lower()
    reads = scope["method"] in _READING
    for_programs = not reads or path.startswith(_FOR_PROGRAMS)
    if not _is_ours(host, config) and (_is_browser(headers) or not for_programs):
        known = f"it is known as {config.url}" if config.external_url else "set external_url to the address you use"
        return PlainTextResponse(f"This Shopwatch does not answer to the name {host[:200]!r}; {known}.\n", 421)
    if (not reads or path.startswith(_ACTING)) and _comes_from_elsewhere(headers, host, config):
        hint = "if it was your own page behind a proxy, set external_url to the address you use"
        return PlainTextResponse(f"The page of another site asked for this, so it is not done; {hint}.\n", 403)
    return None


def _is_browser(headers: Headers) -> bool:
    """Over plain http a browser's GET tells no site; what it calls itself is all there is."""
    says_so = "origin" in headers or "sec-fetch-site" in headers
    return says_so or headers.get("user-agent", "").startswith("Mozilla/")


def _comes_from_elsewhere(headers: Headers, host: str, config: Config) -> bool:
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    scheme, authority = _origin(origin)
    same = bool(authority) and authority == host.removesuffix(_DEFAULT_PORTS.get(scheme, ":80"))
    return not same and (not config.external_url or (scheme, authority) != _origin(config.external_url))


def _origin(url: str) -> tuple[str, str]:
    """The scheme and the authority, without a port that goes without saying; ("", "") for `null`."""
    scheme, _, rest = url.lower().partition("://")
    authority = rest.partition("/")[0].rpartition("@")[2]
    return (scheme, authority.removesuffix(_DEFAULT_PORTS.get(scheme, ":80"))) if authority else ("", "")


def _is_ours(host: str, config: Config) -> bool:
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    try:
        ip_address(name)
    except ValueError:
        return name in _names(config) or name.endswith(".localhost")
    return True  # nobody can make an address point elsewhere


def _names(config: Config) -> set[str]:
    listen = config.address[0].lower()
    names = {"localhost", listen, urlsplit(config.external_url).hostname or "localhost"}
    if listen in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened on
        machine = socket.gethostname().lower()
        names |= {machine, machine.partition(".")[0]}
    return names
