"""An answer as assertions and captures see it: status, headers, and a body read as text, JSON or HTML when needed."""

import codecs
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from probes.markup import parse_html, readable

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9._:-]+)", re.IGNORECASE)


@dataclass
class Page:
    """What came back, unpacked. Header names are lower case; `url` is where it came from, fit to be shown."""

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    url: str = ""

    def header(self, name: str) -> str | None:
        """All values of a header joined by commas, or None."""
        key = name.lower().encode("latin-1", "replace")
        values = [value.decode("latin-1") for header, value in self.headers if header == key]
        return ", ".join(values) if values else None

    @cached_property
    def charset(self) -> str:
        """From Content-Type, else UTF-8 as the web has it; an unknown name counts as UTF-8."""
        content_type = next((value for name, value in self.headers if name == b"content-type"), b"")
        match = _CHARSET.search(content_type)
        try:
            return codecs.lookup(match[1].decode()).name if match else "utf-8"
        except LookupError:
            return "utf-8"

    @cached_property
    def text(self) -> str:
        """The body as text; bytes that do not belong are replaced."""
        try:
            return self.body.decode(self.charset, "replace")
        except (LookupError, UnicodeError):  # `hex`, `idna` and the like are codecs, but no charsets of pages
            return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The body as JSON. Raises ValueError with a sentence, for NaN and absurdly deep nesting too."""
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None

    @cached_property
    def html(self) -> LexborHTMLParser:
        """The body as HTML, as a browser would understand it."""
        return parse_html(self.text)

    @cached_property
    def unread(self) -> str:
        """Why the body could not be read to its end as HTML; empty if it could."""
        return readable(self.text)[1]


def _no_constant(name: str) -> Any:
    raise ValueError(f"it holds {name}, which JSON does not know")
