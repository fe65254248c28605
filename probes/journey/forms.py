"""Reads a form as a browser does: where it goes, and every field it would send without being touched."""

from dataclasses import dataclass
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

#: Kinds of input that send nothing by themselves.
_SILENT = {"submit", "image", "reset", "button", "file"}


@dataclass(frozen=True, slots=True)
class PageForm:
    """A form: its method (lower case), where it leads, how it is packed, and its fields in the page's order."""

    method: str
    action: str
    multipart: bool
    fields: tuple[tuple[str, str], ...]

    def with_values(self, values: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The fields with these values instead of the page's; names that the page lacks are added, as scripts do."""
        given = {name for name, _ in values}
        return [field for field in self.fields if field[0] not in given] + values


def find_form(html: LexborHTMLParser, selector: str, url: str) -> PageForm | None:
    """The form that the selector finds, or the one around what it finds. `url` is the page's own."""
    node = html.css_first(selector)
    while node is not None and node.tag != "form":
        node = node.parent
    if node is None:
        return None
    base = html.css_first("base[href]")
    place = urljoin(url, (base.attributes.get("href") or "").strip()) if base else url
    written = (node.attributes.get("action") or "").strip()
    return PageForm(
        method=(node.attributes.get("method") or "get").strip().lower(),
        action=urljoin(place, written) if written else url,
        multipart=(node.attributes.get("enctype") or "").strip().lower() == "multipart/form-data",
        fields=tuple(_fields(node)),
    )


def _fields(form: LexborNode) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    pressed = False
    for node in form.css("input[name], select[name], textarea[name], button[name]"):
        name, kind = node.attributes.get("name") or "", (node.attributes.get("type") or "").lower()
        if not name or "disabled" in node.attributes:
            continue
        if _is_button(node, kind):
            # A browser sends the one button that was pressed: the first, when it is the Enter key.
            fields += [] if pressed else [(name, node.attributes.get("value") or "")]
            pressed = True
        else:
            fields += [(name, value) for value in _values(node, kind)]
    return fields


def _is_button(node: LexborNode, kind: str) -> bool:
    return kind == "submit" if node.tag == "input" else node.tag == "button" and kind in ("", "submit")


def _values(node: LexborNode, kind: str) -> list[str]:
    """What this field sends: nothing, one value, or several for a multiple choice."""
    if node.tag == "select":
        return _chosen(node)
    if node.tag == "textarea":
        return [node.text().removeprefix("\n")]
    if node.tag == "button" or kind in _SILENT:
        return []
    if kind in ("checkbox", "radio"):
        return [_value(node, "on")] if "checked" in node.attributes else []
    return [_value(node, "")]


def _chosen(select: LexborNode) -> list[str]:
    options = [option for option in select.css("option") if "disabled" not in option.attributes]
    chosen = [option for option in options if "selected" in option.attributes]
    if not chosen and "multiple" not in select.attributes:
        chosen = options[:1]
    return [_value(option, option.text().strip()) for option in chosen]


def _value(node: LexborNode, otherwise: str) -> str:
    return (node.attributes.get("value") or "") if "value" in node.attributes else otherwise
