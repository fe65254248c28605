"""Where a redirect leads, and what may go along: credentials never leave the server they were meant for."""

import re
from dataclasses import replace

from probes.net.address import Url
from probes.net.errors import NetError
from probes.net.message import Answer, Headers, Request, header

_REDIRECTS = (301, 302, 303, 307, 308)
#: What is only for the server that it was written for (RFC 9110, 15.4; fetch standard).
_PRIVATE = (b"authorization", b"cookie", b"proxy-authorization", b"host")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_OF_BODY = (b"content-length", b"content-type", b"content-encoding", b"transfer-encoding")


def follow(request: Request, answer: Answer, hops: int, limit: int) -> Request | None:
    """The next request, or None when this answer is the last one. `limit` 0 means that redirects are not followed.

    Raises NetError for a redirect that leads nowhere, and for one too many.
    """
    location = header(answer.headers, b"location") if answer.status in _REDIRECTS else None
    if location is None or limit == 0:
        return None
    shown = location.decode("utf-8", "replace")
    if hops > limit:
        raise NetError(f"processing: {request.url.shown} redirects on after {limit} redirects (a loop?)", "processing")
    try:
        url = request.url.join(shown)
    except ValueError:
        message = f"processing: {request.url.shown} redirects to {_goal(shown)!r}, which is no http URL"
        raise NetError(message, "processing") from None
    headers = request.headers if _is_same_server(request.url, url) else _without(request.headers, _PRIVATE)
    if answer.status == 303 or (answer.status in (301, 302) and request.method == "POST"):
        method = "HEAD" if request.method == "HEAD" else "GET"
        return replace(request, url=url, method=method, headers=_without(headers, _OF_BODY), body=b"")
    return replace(request, url=url, headers=headers)


def _goal(location: str) -> str:
    """What is wrong about it: its scheme, or all of it, without a query that may hold tokens."""
    scheme = _SCHEME.match(location)
    other = scheme is not None and scheme[1].lower() not in ("http", "https")
    return scheme[1] if scheme and other else location.partition("?")[0][:200]


def _is_same_server(old: Url, new: Url) -> bool:
    """The same origin, or the same host's change from http to https, which shows nothing to anybody new."""
    return old.origin == new.origin or (
        old.host == new.host and (old.scheme, old.port, new.scheme, new.port) == ("http", 80, "https", 443)
    )


def _without(headers: Headers, names: tuple[bytes, ...]) -> Headers:
    return [(name, value) for name, value in headers if name.lower() not in names]
