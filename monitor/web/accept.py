"""Which format a reader would rather have, by its Accept header (RFC 9110, 12.5.1)."""

_OPENMETRICS = "application/openmetrics-text"
#: What stands for the text format in an Accept header, from the most to the least specific.
_TEXT = ("text/plain", "text/*", "*/*")


def prefers_html(accept: str) -> bool:
    """Whether HTML is accepted by name, as browsers do, and no less gladly than JSON."""
    wishes = _wishes(accept)
    return 0.0 < wishes.get("text/html", 0.0) >= wishes.get("application/json", 0.0)


def prefers_openmetrics(accept: str) -> bool:
    """Whether /metrics in OpenMetrics 1.0 is accepted by name, and no less gladly than in the text format.

    Who accepts anything gets the text format, as ever: people with curl and old scrapers read it.
    """
    wishes = _wishes(accept)
    text = next((wishes[kind] for kind in _TEXT if kind in wishes), 0.0)
    return 0.0 < wishes.get(_OPENMETRICS, 0.0) >= text


def _wishes(accept: str) -> dict[str, float]:
    """How gladly each media range is taken; versions of OpenMetrics that we do not speak are left out."""
    wishes: dict[str, float] = {}
    for wish in accept.split(","):
        kind, parameters = _read(wish)
        if kind == _OPENMETRICS and parameters.get("version", "1.0.0") != "1.0.0":
            continue
        wishes[kind] = max(wishes.get(kind, 0.0), _weight(parameters.get("q", "1")))
    return wishes


def _read(wish: str) -> tuple[str, dict[str, str]]:
    """A media range and its parameters."""
    kind, *parameters = (part.strip() for part in wish.lower().split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return kind, {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def _weight(text: str) -> float:
    """A wish's weight from 0 to 1; one that cannot be read is no wish."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
