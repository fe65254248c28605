"""Asks the shop as one shopper's browser would: cookies kept, forms sent as the page says, Referer and Origin told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

from probes.base import Outcome
from probes.journey.forms import find_form
from probes.journey.settings import Identity
from probes.journey.step import Request
from probes.journey.template import NotFilled, Template, filled
from probes.net.address import Url
from probes.net.client import AsyncClient, InvalidURL, Response, TransportError
from probes.net.errors import NetError
from probes.net.http import Http
from probes.net.transport import MeasuringTransport
from probes.page import Page
from probes.redact import Redactor

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 10
_LONGEST_URL = 8000
_ACCEPT = b"text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"
#: Headers by which shops and their proxies name a request in their own logs.
_REQUEST_IDS = ("x-request-id", "x-correlation-id", "x-amzn-requestid", "x-amzn-trace-id", "x-trace-id", "cf-ray")


class StepFailed(Exception):
    """A step ended badly; the message is the sentence, `reply` what had come until then."""

    def __init__(self, message: str, outcome: Outcome = Outcome.DOWN, reply: "Reply | None" = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.reply = reply


@dataclass
class Reply:
    """The last answer of a step. `url` is in full, and may hold tokens; `page.url` is fit to be shown."""

    page: Page
    url: str
    ip: str = ""

    @property
    def request_id(self) -> str:
        """The shop's own name for this request, for whoever looks into its logs."""
        return next((found[:100] for name in _REQUEST_IDS if (found := self.page.header(name))), "")


@dataclass
class _Message:
    """A request on its way: what httpx is told."""

    method: str
    url: Url
    headers: list[tuple[str, str]] = field(default_factory=list)
    content: bytes | None = None
    parts: list[tuple[str, str]] | None = None


class Browser:
    """One visit. `phases` adds up what each leg of a step's requests took, in seconds; it is emptied by the caller."""

    def __init__(self, base: Url, identity: Identity, http: Http, redactor: Redactor) -> None:
        self._base = base
        self._identity = identity
        self._redactor = redactor
        self._client = AsyncClient(
            transport=MeasuringTransport(http),
            trust_env=False,
            headers=[(b"User-Agent", identity.user_agent.encode()), (b"Accept", _ACCEPT)],
        )
        self._page: Reply | None = None
        self.phases: dict[str, float] = {}

    @property
    def cookies(self) -> dict[str, str]:
        """The visit's cookies by name; of two with one name, the one set later."""
        return {cookie.name: cookie.value or "" for cookie in self._client.cookies.jar}

    async def ask(self, step: Request, values: Mapping[str, Any], authorization: bytes, deadline: float) -> Reply:
        """The answer to one step, redirects walked where it says `follow`. Raises StepFailed and NotFilled."""
        message = self._message(step, values)
        if authorization:
            self._redactor.add(authorization.partition(b" ")[2].decode("latin-1"))
            message.headers.append(("Authorization", authorization.decode("latin-1")))
        seen: set[tuple[str, str, str]] = set()
        while True:
            reply = await self._send(message, deadline)
            location = reply.page.header("location") if reply.page.status in _REDIRECTS else None
            if not step.follow or location is None:
                break
            state = (message.method, str(message.url), json.dumps(self.cookies, sort_keys=True))
            _check_loop(state, seen, reply)
            message = _redirected(message, reply.page.status, _absolute(message.url, location, "it redirects to"))
        if "html" in (reply.page.header("content-type") or ""):
            self._page = reply
        return reply

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    def _message(self, step: Request, values: Mapping[str, Any]) -> _Message:
        for template in _private_texts((step.form, step.json_, step.body)):
            self._kept(template, values)
        headers = [(name, self._kept(text, values)) for name, text in step.headers.items()]
        if step.idempotency:
            headers.append((step.idempotency, f"shopwatch-{values['run_id']}-{step.name.replace(' ', '-')}"))
        if step.submit is not None:
            message = self._submitted(step.submit, _pairs(filled(step.form or {}, values)))
        else:
            url = self._kept(getattr(step, step.verb), values)
            message = _Message(step.verb.upper(), _absolute(self._base, url, "it asks for"))
            self._add_content(message, step, values)
        message.headers += headers
        return message

    def _kept(self, template: Template, values: Mapping[str, Any]) -> str:
        """The text filled in; what came from a variable of the environment may be a secret, and is not shown."""
        text = template.render(values)
        if template.is_private:
            self._redactor.add(text)
        return text

    def _add_content(self, message: _Message, step: Request, values: Mapping[str, Any]) -> None:
        if step.form is not None:
            message.headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            message.content = urlencode(_pairs(filled(step.form, values))).encode()
        elif step.json_ is not None:
            message.headers.append(("Content-Type", "application/json"))
            message.content = json.dumps(filled(step.json_, values), default=_number).encode()
        elif step.body is not None:
            message.content = step.body.render(values).encode()

    def _submitted(self, selector: str, values: list[tuple[str, str]]) -> _Message:
        """The form on the page before, with these values."""
        if self._page is None:
            raise StepFailed(f"there is no page before it with the form {selector!r}")
        form = find_form(self._page.page.html, selector, self._page.url)
        if form is None:
            raise StepFailed(f"the page before it ({self._page.page.url}) has no form {selector!r}", reply=self._page)
        url = _absolute(self._base, form.action, f"the form {selector!r} leads to")
        fields = form.with_values(values)
        if form.method != "post":
            return _Message("GET", Url(f"{str(url).partition('?')[0]}?{urlencode(fields)}"))
        if form.multipart:
            return _Message("POST", url, parts=fields)
        content_type = ("Content-Type", "application/x-www-form-urlencoded")
        return _Message("POST", url, [content_type], urlencode(fields).encode())

    async def _send(self, message: _Message, deadline: float) -> Reply:
        request = self._client.build_request(
            message.method,
            str(message.url),
            headers=[(name.encode(), _header_value(name, value)) for name, value in self._headers(message)],
            content=message.content,
            files=None if message.parts is None else [(name, (None, value.encode())) for name, value in message.parts],
            extensions={"deadline": deadline},
        )
        try:
            response = await self._client.send(request)
        except (TransportError, InvalidURL) as error:
            self._measured(request.extensions.get("hop"))
            cause = error.__cause__
            outcome = cause.outcome if isinstance(cause, NetError) else Outcome.DOWN
            raise StepFailed(str(error), outcome) from error
        self._measured(response.extensions.get("hop"))
        for value in self.cookies.values():
            self._redactor.add(value)
        return _reply(response, message.url)

    def _headers(self, message: _Message) -> list[tuple[str, str]]:
        """The step's own headers, and those that every browser and this identity adds."""
        given = {name.lower() for name, _ in message.headers}
        usual: list[tuple[str, str]] = []
        if self._page is not None:
            usual.append(("Referer", _referer(Url(self._page.url), message.url)))
            if message.method != "GET":
                usual.append(("Origin", _origin(Url(self._page.url))))
        if _at_home(self._base, message.url):
            usual += self._identity.header.items()
        return [*(pair for pair in usual if pair[0].lower() not in given), *message.headers]

    def _measured(self, hop: Any) -> None:
        for phase, seconds in (hop.phases.seconds if hop else {}).items():
            self.phases[phase] = self.phases.get(phase, 0.0) + seconds


def _reply(response: Response, url: Url) -> Reply:
    headers = [(name.lower(), value) for name, value in response.headers.raw]
    page = Page(response.status_code, headers, response.content, url.shown)
    return Reply(page, str(url), response.extensions.get("ip", ""))


def _redirected(message: _Message, status: int, url: Url) -> _Message:
    """The request that a browser makes of a redirect; credentials stay with the server they were meant for."""
    same = message.url.origin == url.origin
    headers = message.headers if same else [pair for pair in message.headers if pair[0].lower() == "content-type"]
    if status == 303 or (status in (301, 302) and message.method == "POST"):
        return _Message("GET", url, [pair for pair in headers if pair[0].lower() != "content-type"])
    return _Message(message.method, url, headers, message.content, message.parts)


def _check_loop(state: tuple[str, str, str], seen: set[tuple[str, str, str]], reply: Reply) -> None:
    if state in seen:
        raise StepFailed(
            f"redirects lead back to {reply.page.url} for ever; shops do that to a browser without their cookie",
            reply=reply,
        )
    seen.add(state)
    if len(seen) > _MOST_REDIRECTS:
        raise StepFailed(f"{reply.page.url} redirects on after {_MOST_REDIRECTS} redirects", reply=reply)


def _absolute(base: Url, text: str, what: str) -> Url:
    try:
        if len(text) > _LONGEST_URL:
            raise ValueError(f"a URL of {len(text)} characters")
        return base.join(text)
    except ValueError:
        shown = urlsplit(text[:200].partition("?")[0]).path if "//" not in text[:12] else text[:200].partition("?")[0]
        raise StepFailed(f"{what} {shown!r}, which is no http URL") from None


def _header_value(name: str, value: str) -> bytes:
    if any(char in value for char in "\r\n\0"):
        raise StepFailed(f"the header {name} would hold a line break, which came with a captured value")
    return value.encode()


def _referer(page: Url, target: Url) -> str:
    """Browsers' default policy, strict-origin-when-cross-origin: the whole URL at home, the origin abroad."""
    return str(page) if page.origin == target.origin else _origin(page) + "/"


def _origin(url: Url) -> str:
    return f"{url.scheme}://{url.authority}"


def _at_home(base: Url, url: Url) -> bool:
    upgraded = base.host == url.host and base.scheme == "http" and url.scheme == "https" and url.port == 443
    return base.origin == url.origin or upgraded


def _pairs(form: dict[str, Any]) -> list[tuple[str, str]]:
    """A form's fields as text, a list as several fields of one name."""
    return [
        (name, _as_text(item))
        for name, value in form.items()
        for item in (value if isinstance(value, list) else [value])
    ]


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _number(value: Any) -> int | float:
    """JSON has one kind of number; an amount of money keeps its digits, as floats print the shortest exact form."""
    if not isinstance(value, Decimal):
        raise NotFilled(f"{type(value).__name__} cannot be written as JSON")
    return int(value) if value == value.to_integral_value() else float(value)


def _private_texts(value: Any) -> list[Template]:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return [template for item in value for template in _private_texts(item)]
    return [value] if isinstance(value, Template) and value.is_private else []
