"""Reads what a domain registry says of a domain (RDAP, RFC 9083), and which registry knows what (RFC 9224)."""

import json
from datetime import UTC, datetime
from typing import Any

from probes.net.address import Url
from probes.net.tls import day

_EXPIRY = ("expiration", "registrar expiration")  # RFC 9083, 10.2.3; the registry's own date first
_MOST_STATES = 20
_SHOWN = 200


class Unreadable(Exception):
    """An answer that is not what these RFCs describe; the message says how, and who sent it."""


def parse_document(body: bytes, where: str) -> dict[str, Any]:
    """The JSON object in an answer. Raises Unreadable."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"expected JSON from {where}, got a body that is none: {error}") from None
    if not isinstance(document, dict):
        raise Unreadable(f"expected a JSON object from {where}, got a {type(document).__name__}")
    return document


def services_of(document: dict[str, Any], where: str) -> list[tuple[list[str], str]]:
    """Lists of suffixes with the base URL that knows them, HTTPS where there is a choice. Raises Unreadable."""
    found = []
    try:
        for suffixes, urls in document["services"]:
            base = next((url for url in urls if url.startswith("https://")), urls[0])
            Url(base)
            found.append(([str(suffix).lower() for suffix in suffixes], base))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise Unreadable(f"{where} is not a list of RDAP servers (RFC 9224): {error!r}") from None
    return found


def expiry_of(document: dict[str, Any], where: str) -> float:
    """When the registration ends: wall-clock seconds, UTC. Raises Unreadable."""
    events = {str(event.get("eventAction")): event.get("eventDate") for event in _dicts(document.get("events"))}
    text = next((events[action] for action in _EXPIRY if events.get(action)), None)
    if text is None:
        raise Unreadable(f"{where} does not say when the registration ends (no event 'expiration')")
    try:
        at = datetime.fromisoformat(str(text))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Unreadable(f"{where} gives {str(text)[:50]!r} as the end, which is no date") from None


def states_of(document: dict[str, Any]) -> list[str]:
    """What the registry says of the domain's state, such as `active` or `client hold`."""
    states = document.get("status")
    return [str(state).lower() for state in states[:_MOST_STATES]] if isinstance(states, list) else []


def facts_of(document: dict[str, Any]) -> list[tuple[str, str]]:
    """What a person wants to see beside the verdict. Raises Unreadable."""
    facts = [("expires", day(expiry_of(document, "the registry")))]
    if states := states_of(document):
        facts.append(("states", ", ".join(states)[:_SHOWN]))
    for entity in _dicts(document.get("entities")):
        if "registrar" in str(entity.get("roles")) and (name := _full_name(entity.get("vcardArray"))):
            facts.append(("registrar", name[:_SHOWN]))
            break
    return facts


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _full_name(card: Any) -> str:
    """The name on a jCard (RFC 7095)."""
    properties = card[1] if isinstance(card, list) and len(card) > 1 and isinstance(card[1], list) else []
    return next((str(one[3]) for one in properties if isinstance(one, list) and len(one) > 3 and one[0] == "fn"), "")
