"""The prober http: one request, its redirects, and the checks of a module."""

from collections.abc import Iterator
from dataclasses import dataclass

from probes.blackbox.answer import Answer
from probes.blackbox.guard import Guard, guarded
from probes.blackbox.modules import HeaderMatch, HttpModule
from probes.blackbox.target import credentials_of
from probes.blackbox.unpack import unpack
from probes.net.address import Url
from probes.net.auth import Authorization
from probes.net.errors import NetError
from probes.net.http import MAX_BODY, Http
from probes.net.message import Answer as Came
from probes.net.message import Headers, Request, Trace, basic, content_length, header, last_modified
from probes.net.phases import PHASES
from probes.page import Page
from probes.pattern import regex
from probes.settings import SecretUnreadable

#: blackbox_exporter follows so many redirects, and takes the answer of the last one as it is.
_REDIRECTS = 10


@dataclass(slots=True)
class _Look:
    module: HttpModule
    trace: Trace
    answer: Answer
    cut: str = ""  # why the body did not come whole

    def fail(self, reason: str) -> None:
        """Remember why; the first reason is the one that is told."""
        self.answer.success = False
        self.answer.reason = self.answer.reason or reason


async def look(module: HttpModule, target: str, guard: Guard, deadline: float) -> Answer:
    """One request. `deadline` is a time of the running loop's clock. Raises ValueError for a bad target."""
    credentials, address = credentials_of(target)
    look = _Look(module, Trace(), Answer(success=True, secrets=list(credentials[1:])))
    came = await _fetch(look, _http(module, guard), Url(address), credentials, deadline)
    body = b""
    failed_regex = False
    if came is not None:
        _check_status(look, came)
        failed_regex = _check_headers(look, came)
        body = _unpack(look, came)
        failed_regex = _check_body(look, Page(came.status, came.headers, body)) or failed_regex
        _check_version_and_tls(look, came)
    _measure(look, came, body, failed_regex)
    return look.answer


def _http(module: HttpModule, guard: Guard) -> Http:
    # A Host header names the site that is meant, so its certificate is the one that is expected.
    host = next((value for name, value in module.headers.items() if name.lower() == "host"), None)
    return Http(
        resolver=guarded(module, guard),
        tls=module.tls_config.settings(host),
        http2=module.enable_http2,
        proxy=module.proxy,
        max_body=module.body_size_limit or MAX_BODY,
    )


async def _fetch(look: _Look, http: Http, url: Url, credentials: tuple[str, ...], deadline: float) -> Came | None:
    """What came in the end; None when nothing did. What was cut short comes as far as it came, and fails the probe."""
    module = look.module
    follow = module.follow_redirects and not module.no_follow_redirects
    headers = [(name.encode(), value.encode()) for name, value in module.headers.items()]
    if not any(name.lower() == b"user-agent" for name, _ in headers):
        headers.append((b"User-Agent", b"shopwatch"))
    try:
        value = b""
        if credentials and not any(name.lower() == b"authorization" for name, _ in headers):
            value = basic(*credentials)
        elif module.auth:
            value = await Authorization(module.auth, http).value(deadline)
        if value:
            headers.append((b"Authorization", value))
            look.answer.secrets.append(value.decode().partition(" ")[2])
        request = Request(url, module.method, headers, module.body.encode())
        return await http.fetch(request, look.trace, deadline, redirects=_REDIRECTS if follow else 0)
    except (NetError, SecretUnreadable) as error:
        came = look.trace.last.answer if look.trace.hops else None
        if came and came.status and isinstance(error, NetError) and error.phase == "transfer":
            look.cut = str(error)
            return came
        look.fail(str(error))
        # One redirect too many is an answer; one that leads nowhere is none.
        return came if came and came.status and len(look.trace.hops) > _REDIRECTS else None


def _check_status(look: _Look, came: Came) -> None:
    valid = look.module.valid_status_codes
    if came.status not in valid if valid else not 200 <= came.status < 300:
        look.fail(f"status: {came.status} is not valid")


def _check_headers(look: _Look, came: Came) -> bool:
    """Whether a pattern over the headers failed. Like all patterns, they are looked at only while all is well."""
    module, values = look.module, _values(came.headers)
    if not look.answer.success:
        return False
    wrong = next(_wrong_headers(module, values), "")
    if wrong:
        look.fail(f"headers: {wrong}")
    return bool(wrong)


def _wrong_headers(module: HttpModule, values: dict[str, list[str]]) -> Iterator[str]:
    """A header that is missing fails the probe where that is not allowed; where it is, there is nothing to match."""
    for match in (*module.fail_if_header_matches, *module.fail_if_header_not_matches):
        if match.header.lower() not in values and not match.allow_missing:
            yield f"{match.header} is missing"
    for match in module.fail_if_header_matches:
        if _matches(match, values):
            yield f"{match.header} matches /{match.regexp}/"
    for match in module.fail_if_header_not_matches:
        if match.header.lower() in values and not _matches(match, values):
            yield f"{match.header} does not match /{match.regexp}/"


def _values(headers: Headers) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return values


def _matches(match: HeaderMatch, values: dict[str, list[str]]) -> bool:
    return any(regex(match.regexp).search(value) for value in values.get(match.header.lower(), ()))


def _unpack(look: _Look, came: Came) -> bytes:
    """The body, unpacked only as the module says: blackbox_exporter does not believe the Content-Encoding header."""
    body, wrong = unpack(came.body, look.module.compression, look.module.body_size_limit or MAX_BODY)
    if wrong:
        look.fail(wrong)
    return body


def _check_body(look: _Look, page: Page) -> bool:
    """Whether a pattern over the body failed; over one that did not come whole, each does."""
    module = look.module
    if not look.answer.success:
        return False
    if look.cut:
        look.fail(look.cut)
        return bool(module.fail_if_body_matches_regexp or module.fail_if_body_not_matches_regexp)
    for pattern in module.fail_if_body_matches_regexp:
        if regex(pattern).search(page.text):
            look.fail(f"body: it matches /{pattern}/")
            return True
    for pattern in module.fail_if_body_not_matches_regexp:
        if not regex(pattern).search(page.text):
            look.fail(f"body: it does not match /{pattern}/")
            return True
    return False


def _check_version_and_tls(look: _Look, came: Came) -> None:
    module, secure = look.module, look.trace.last.tls is not None
    version = f"HTTP/{came.version}" + (".0" if came.version == "2" else "")
    if module.valid_http_versions and version not in module.valid_http_versions:
        look.fail(f"version: {version} is not valid")
    if module.fail_if_ssl and secure:
        look.fail("tls: the last answer came over TLS")
    if module.fail_if_not_ssl and not secure:
        look.fail("tls: the last answer did not come over TLS")


def _measure(look: _Look, came: Came | None, body: bytes, failed_regex: bool) -> None:
    answer, trace, module = look.answer, look.trace, look.module
    first = trace.hops[0] if trace.hops else None
    seconds = trace.seconds() if first else {}
    phases: tuple[str, ...] = PHASES if first and first.ip else PHASES[:1]
    if module.proxy and module.skip_resolve_phase_with_proxy:
        phases = phases[1:]
    else:
        answer.reached(first.ip if first else "", first.phases.seconds.get("resolve", 0.0) if first else 0.0)
    for phase in phases:
        answer.add("probe_http_duration_seconds", seconds.get(phase, 0.0), phase=phase)
    answer.add("probe_failed_due_to_regex", float(failed_regex))
    answer.add("probe_http_redirects", float(_redirects(module, trace, came)))
    answer.add("probe_http_status_code", float(came.status if came else 0))
    answer.add("probe_http_content_length", float(_content_length(came)))
    answer.add("probe_http_uncompressed_body_length", float(min(len(body), module.body_size_limit or len(body))))
    answer.add("probe_http_version", float(came.version) if came else 0.0)
    facts = trace.last.tls if came else None
    answer.add("probe_http_ssl", float(facts is not None))
    if facts:
        answer.certificates(facts)
    modified = last_modified(came.headers) if came else None
    if modified is not None:
        answer.add("probe_http_last_modified_timestamp_seconds", modified)


def _redirects(module: HttpModule, trace: Trace, came: Came | None) -> int:
    """Those met, as blackbox_exporter counts: with the one that was not followed, as unwanted or one too many."""
    met = max(0, len(trace.hops) - 1)
    location = came is not None and header(came.headers, b"location") is not None
    return met + (1 if location and came is not None and came.status in (301, 302, 303, 307, 308) else 0)


def _content_length(came: Came | None) -> int:
    """As Go has it: -1 for an unknown length, 0 where no body may come."""
    if came is None or came.status in (101, 204, 304):
        return 0
    return content_length(came.headers)
