"""What a page says to a shopper: its complaint if it has one, else its text, without markup."""

import re

from selectolax.lexbor import LexborHTMLParser

from probes.markup import parse_html
from probes.page import Page

#: Characters of a page that evidence shows.
LONGEST = 2000
_LOOKED_AT = 512 * 1024
#: Where shops say what went wrong, the most telling first.
_COMPLAINTS = (
    *("[role=alert]", ".alert-danger", ".woocommerce-error", ".errorlist", ".message-error", ".error-message"),
    *(".alert", ".error", ".errors", ".flash", "[data-error]"),
)
_UNSEEN = ["script", "style", "template", "noscript", "head", "svg"]
_MOST_HIDDEN = 200
_SPACE = re.compile(r"\s+")


def excerpt(page: Page) -> str:
    """The page's complaint, title and text for HTML; the body as it is for anything else. Twice as much as is shown:
    secrets are cut out first, so that none is cut in half.
    """
    text = page.text[:_LOOKED_AT]
    if "html" not in (page.header("content-type") or "html").lower() or "<" not in text:
        return squeezed(text)[: 2 * LONGEST]
    html = parse_html(text)
    parts = [complaint(html), _title(html), seen(html)]
    return "\n".join(dict.fromkeys(filter(None, parts)))[: 2 * LONGEST]


def complaint(html: LexborHTMLParser) -> str:
    """What the page says went wrong, or nothing."""
    for selector in _COMPLAINTS:
        texts = [squeezed(node.text(separator=" ")) for node in html.css(selector)[:3]]
        if any(texts):
            return " ".join(filter(None, texts))[:LONGEST]
    return ""


def seen(html: LexborHTMLParser) -> str:
    """The text that a shopper sees, of the page's main part where it has one. Changes `html`: what is not seen is
    taken out.
    """
    html.strip_tags(_UNSEEN)
    for _ in range(_MOST_HIDDEN):  # one after another: taking one out may take others along
        hidden = html.css_first("body [hidden]")
        if hidden is None:
            break
        hidden.decompose()
    part = html.css_first("main, [role=main]") or html.root
    return squeezed(part.text(separator=" ")) if part else ""


def squeezed(text: str) -> str:
    """The text with every run of white space made one space."""
    return _SPACE.sub(" ", text).strip()


def _title(html: LexborHTMLParser) -> str:
    node = html.css_first("title")
    return squeezed(node.text()) if node else ""
