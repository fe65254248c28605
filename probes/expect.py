"""What a good answer looks like, in the config's words, and how an answer falls short of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from urllib.parse import urljoin, urlsplit

from pydantic import BeforeValidator, Field, StrictStr, model_validator

from probes.page import Page
from probes.pattern import Css, JsonPath, Regex, json_path, regex
from probes.settings import Settings
from probes.units import Interval, Size, format_duration

_STATUS = re.compile(r"[1-5](?:\d\d|xx)")
_SHOWN = 200


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


def _statuses(value: Any) -> Any:
    """200, `2xx`, or a list of such."""
    found = []
    for one in _listed(value):
        text = str(one)
        if isinstance(one, bool) or not _STATUS.fullmatch(text):
            raise ValueError(f"{one!r} is not an HTTP status; write 200, 2xx or a list such as [200, 204]")
        found.append(text)
    if not found:
        raise ValueError("an empty list of statuses is met by no answer")
    return tuple(found)


#: Statuses in YAML: `200`, `2xx` or `[200, 3xx]`.
Statuses = Annotated[tuple[str, ...], BeforeValidator(_statuses, json_schema_input_type=int | str | list[int | str])]
Texts = Annotated[tuple[StrictStr, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
Regexes = Annotated[tuple[Regex, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


class Bounds(Settings):
    """The smallest and the largest size of a body, unpacked."""

    min: Size | None = None
    max: Size | None = None


def _selectors(value: Any) -> Any:
    return value if isinstance(value, dict) else dict.fromkeys(_listed(value))


class Expect(Settings):
    """What a good answer looks like; everything given must hold.

    `status`: 200, 2xx or a list. `text`/`absent`: what the body must / must not contain. `regex`/`absent_regex`: what
    must / must not match somewhere in it (RE2). `json`: JSONPath → value, where null means that the path must not be
    there; numbers may be written as text. `css`: a selector, a list, or selector → text that the first match must
    contain. `headers`: name → text that the value must contain, null that it must be absent. `location`: where a
    redirect must lead. `size`: {min, max} of the body unpacked. `within`: slower than this is down.
    """

    status: Statuses | None = None
    text: Texts = ()
    absent: Texts = ()
    regex: Regexes = ()
    absent_regex: Regexes = ()
    json_: dict[JsonPath, Any] = Field(default_factory=dict, alias="json")
    css: Annotated[
        dict[Css, str | None],
        BeforeValidator(_selectors, json_schema_input_type=str | list[str] | dict[str, str | None]),
    ] = Field(default_factory=dict)
    headers: dict[str, str | None] = Field(default_factory=dict)
    location: str | None = None
    size: Bounds | None = None
    within: Interval | None = None

    @model_validator(mode="after")
    def _no_empty_texts(self) -> "Expect":
        if "" in (*self.text, *self.absent):
            raise ValueError("an empty text is in every page; write what the page must contain")
        return self


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that did not hold: which word of `expect`, and a sentence with expected, came, where."""

    what: str
    message: str


def matches_status(wanted: tuple[str, ...], status: int) -> bool:
    """Whether a status is one of those wanted; `2xx` stands for a hundred of them."""
    text = str(status)
    return text in wanted or f"{text[:1]}xx" in wanted


def judge(expect: Expect, page: Page, seconds: float, default_status: tuple[str, ...] = ("2xx",)) -> list[Failure]:
    """Every way in which an answer falls short. `seconds` is how long the whole look took.

    `default_status` holds where `expect.status` says nothing.
    """
    failures: list[Failure] = []
    wanted = expect.status or default_status
    if not matches_status(wanted, page.status):
        failures.append(Failure("status", f"expected {' or '.join(wanted)}, got {page.status} from {page.url}"))
    for word, check in _CHECKS:
        if word in expect.model_fields_set:
            failures += check(expect, page)
    if expect.within is not None and seconds > expect.within:
        took = format_duration(seconds)
        message = f"expected {page.url} within {format_duration(expect.within)}, it took {took}"
        failures.append(Failure("within", message))
    return [Failure(failure.what, f"{failure.what}: {failure.message}") for failure in failures]


def _body(page: Page) -> str:
    return f"the body ({len(page.body)} bytes from {page.url})"


def _text(expect: Expect, page: Page) -> list[Failure]:
    return [
        Failure("text", f"expected {_shown(text)} in {_body(page)}, it is not there")
        for text in expect.text
        if text not in page.text
    ]


def _absent(expect: Expect, page: Page) -> list[Failure]:
    return [
        Failure("absent", f"expected no {_shown(text)} in {_body(page)}, it is there")
        for text in expect.absent
        if text in page.text
    ]


def _regex(expect: Expect, page: Page) -> list[Failure]:
    return [
        Failure("regex", f"expected a match of /{pattern}/ in {_body(page)}, found none")
        for pattern in expect.regex
        if not regex(pattern).search(page.text)
    ]


def _absent_regex(expect: Expect, page: Page) -> list[Failure]:
    return [
        Failure("absent_regex", f"expected no match of /{pattern}/ in {_body(page)}, found {_shown(found.group(0))}")
        for pattern in expect.absent_regex
        if (found := regex(pattern).search(page.text))
    ]


def _headers(expect: Expect, page: Page) -> list[Failure]:
    failures = []
    for name, wanted in expect.headers.items():
        came = page.header(name)
        if wanted is None and came is not None:
            failures.append(Failure("headers", f"expected no header {name} from {page.url}, got {_shown(came)}"))
        elif wanted is not None and (came is None or wanted not in came):
            got = "it is absent" if came is None else f"got {_shown(came)}"
            failures.append(Failure("headers", f"expected {name} to contain {_shown(wanted)}, {got} ({page.url})"))
    return failures


def _location(expect: Expect, page: Page) -> list[Failure]:
    if expect.location is None:
        return []
    came = page.header("location")
    if came is None:
        return [
            Failure("location", f"expected a redirect to {expect.location!r}, {page.url} sent none ({page.status})")
        ]
    wanted, got = urlsplit(urljoin(page.url, expect.location)), urlsplit(urljoin(page.url, came))
    same = wanted[:3] == got[:3] and wanted.query in ("", got.query)
    shown = got._replace(query="", fragment="").geturl()
    return [] if same else [Failure("location", f"expected a redirect to {expect.location!r}, got {shown!r}")]


def _json(expect: Expect, page: Page) -> list[Failure]:
    if not expect.json_:
        return []
    try:
        document = page.json
    except ValueError as error:
        kind = page.header("content-type") or "without a Content-Type"
        return [Failure("json", f"expected JSON from {page.url}, got a body ({kind}) that is none: {error}")]
    failures = []
    for path, wanted in expect.json_.items():
        found = json_path(path).findall(document)
        if wanted is None:
            if any(value is not None for value in found):
                failures.append(Failure("json", f"expected no {path} in {page.url}, got {_shown(found[0])}"))
        elif not any(_same(wanted, value) for value in found):
            got = f"got {_shown(found[0])}" if found else "there is no such path"
            failures.append(Failure("json", f"expected {path} to be {_shown(wanted)}, {got} ({page.url})"))
    return failures


def _css(expect: Expect, page: Page) -> list[Failure]:
    failures = []
    for selector, wanted in expect.css.items():
        node = page.html.css_first(selector)
        if node is None:
            place = f"the page ({len(page.body)} bytes from {page.url})"
            why = f"the page cannot be parsed: {page.unread}" if page.unread else "nothing matches"
            failures.append(Failure("css", f"expected {selector!r} in {place}, {why}"))
        elif wanted is not None and wanted not in (came := node.text(strip=True)):
            failures.append(Failure("css", f"expected {selector!r} to contain {_shown(wanted)}, got {_shown(came)}"))
    return failures


def _size(expect: Expect, page: Page) -> list[Failure]:
    bounds, size = expect.size, len(page.body)
    if bounds is None:
        return []
    if bounds.min is not None and size < bounds.min:
        return [Failure("size", f"expected at least {bounds.min} bytes from {page.url}, got {size}")]
    if bounds.max is not None and size > bounds.max:
        return [Failure("size", f"expected at most {bounds.max} bytes from {page.url}, got {size}")]
    return []


#: Each word of `expect` that looks at the page, and how; words that nobody gave cost nothing.
_CHECKS: tuple[tuple[str, Callable[[Expect, Page], list[Failure]]], ...] = (
    ("headers", _headers),
    ("location", _location),
    ("text", _text),
    ("absent", _absent),
    ("regex", _regex),
    ("absent_regex", _absent_regex),
    ("json_", _json),
    ("css", _css),
    ("size", _size),
)


def _same(wanted: Any, came: Any) -> bool:
    """Equal, or the same number once as text: prices come as both. True and 1 are two things."""
    if isinstance(wanted, bool) or isinstance(came, bool):
        return wanted is came or wanted == str(came).lower()
    if wanted == came:
        return True
    if isinstance(wanted, (str, int, float)) and isinstance(came, (str, int, float)):
        try:
            return Decimal(str(wanted)) == Decimal(str(came))
        except InvalidOperation:
            return False
    return False


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
