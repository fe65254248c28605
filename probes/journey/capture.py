"""Takes a value out of an answer for the steps that follow: a token, a link, a price, an order number."""

import html
import json
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator
from selectolax.lexbor import LexborHTMLParser

from probes.journey.money import parse_money
from probes.markup import parse_html
from probes.page import Page
from probes.pattern import Css, JsonPath, Regex, json_path, regex
from probes.settings import Settings

#: Characters that a captured value may have.
LONGEST = 8192
_SECRET_NAMES = ("csrf", "token", "nonce", "secret", "session", "password", "key", "auth", "viewstate")

#: What a capture is: text, a whole number, or an exact amount of money.
Value = str | int | Decimal


class NotThere(Exception):
    """The answer does not hold what was to be captured; the message says what was looked for, and where."""


class Capture(Settings):
    """Where a value is found. `header`, `cookie` and `url` look there; otherwise the body is searched.

    On a page `css` picks the first element (its `attribute`, or its text) and `json` looks into that as JSON: a script
    with inline data. In a JSON answer `json` picks a value, and `css` looks into that as HTML: a fragment of a page.
    `regex` (RE2) comes last and takes its first group, or the whole match. `as` says what the value must be.
    `secret: true` keeps it out of all evidence; so does a name such as csrf or token.
    """

    css: Css | None = None
    attribute: str | None = None
    json_: JsonPath | None = Field(default=None, alias="json")
    header: str | None = None
    cookie: str | None = None
    url: Regex | None = None
    regex: Regex | None = None
    as_: Literal["text", "money", "int"] = Field(default="text", alias="as")
    secret: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> "Capture":
        places = [name for name in ("header", "cookie", "url") if getattr(self, name) is not None]
        searches = [word for word, value in (("css", self.css), ("json", self.json_), ("regex", self.regex)) if value]
        if not places and not searches:
            raise ValueError("a capture needs css, json, regex, header, cookie or url: where is the value?")
        if len(places) > 1 or (places and self.css):
            raise ValueError(f"a capture looks in one place; keep one of {', '.join([*places, *searches])}")
        if self.url and searches:
            raise ValueError("url is a pattern itself; write it without json or regex")
        if self.attribute and not self.css:
            raise ValueError("attribute needs css: of which element?")
        return self

    def is_secret(self, name: str) -> bool:
        """Whether the value of this capture must not be shown."""
        return self.secret or any(part in name.lower() for part in _SECRET_NAMES)

    def take(self, page: Page, url: str, cookies: dict[str, str]) -> Value:
        """The value. `url` is where the answer came from, in full. Raises NotThere."""
        found = self._place(page, url, cookies)
        if self.regex:
            found = _match(self.regex, _text(found), "the text")
            if self.css is None and self.json_ is None and self.header is None and self.cookie is None:
                found = html.unescape(found)  # raw markup: links in it hold &amp;
        if self.as_ == "text":
            return _short(_text(found))
        try:
            return parse_money(_text(found)) if self.as_ == "money" else int(_text(found).strip())
        except ValueError as error:
            sentence = str(error) if self.as_ == "money" else f"{_text(found)[:60]!r} is not a whole number"
            raise NotThere(sentence) from None

    def _place(self, page: Page, url: str, cookies: dict[str, str]) -> Any:
        if self.header:
            value = page.header(self.header)
            return self._in_json(_wanted(value, f"the answer has no header {self.header}"))
        if self.cookie:
            return self._in_json(_wanted(cookies.get(self.cookie), f"the shop has set no cookie {self.cookie}"))
        if self.url:
            return _match(self.url, url, "the URL")
        if self.json_ and not _is_page(page):
            return self._in_html(self._in_json(page.text))
        if self.css:
            return self._in_json(self._element(page.html))
        return self._in_json(page.text)

    def _in_json(self, text: str) -> Any:
        if self.json_ is None:
            return text
        try:
            document = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise NotThere(f"expected JSON to look for {self.json_} in, came {_glimpse(text)}") from None
        found = json_path(self.json_).findall(document)
        return _wanted(found[0] if found else None, f"the JSON has nothing at {self.json_}")

    def _in_html(self, value: Any) -> Any:
        if self.css is None:
            return value
        text = _text(value)
        return self._element(parse_html(text if "<" in text else html.unescape(text)))

    def _element(self, document: LexborHTMLParser) -> str:
        assert self.css is not None
        node = document.css_first(self.css)
        if node is None:
            raise NotThere(f"nothing on the page matches {self.css!r}")
        if self.attribute is None:
            return node.text().strip()
        value = node.attributes.get(self.attribute)
        return str(_wanted(value, f"{self.css!r} on the page has no attribute {self.attribute}"))


def _is_page(page: Page) -> bool:
    content_type = page.header("content-type") or ""
    return "json" not in content_type and page.text.lstrip()[:1] not in ("{", "[")


def _match(pattern: str, text: str, where: str) -> str:
    match = regex(pattern).search(text)
    if match is None:
        raise NotThere(f"{where} does not match {pattern!r}")
    return str((match[1] if match.re.groups else match[0]) or "")


def _wanted(value: Any, otherwise: str) -> Any:
    if value is None:
        raise NotThere(otherwise)
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)


def _short(text: str) -> str:
    if len(text) > LONGEST:
        raise NotThere(f"the value has {len(text)} characters; {LONGEST} are the most")
    return text


def _glimpse(text: str) -> str:
    return repr(text.strip()[:40]) if text.strip() else "nothing"
