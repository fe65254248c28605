"""How a page looks in Slack: Block Kit within Slack's limits, and nothing in it that an alert could smuggle in."""

import json
from datetime import UTC, datetime
from typing import Any

from alerts.incident import State
from alerts.inhibit import INHIBITION
from alerts.page import Page, not_reached, took
from probes.base import Evidence, Outcome
from probes.units import format_duration

#: Slack's limits in characters: of a header and a section; ours of a link and a message's plain text. All blocks of a
#: message together may hold about 13,200 (measured; not documented), of which we use no more than WHOLE.
HEADER, SECTION, LINK, TEXT, WHOLE = 150, 3000, 1000, 3000, 12_000
_EXCERPT, _FIELDS = 1200, 10
_MARKS = {Outcome.UP: ":white_check_mark:", Outcome.DEGRADED: ":turtle:", Outcome.UNKNOWN: ":grey_question:"}
_SIGNS = {
    State.OPEN: ":red_circle:",
    State.ACKED: ":large_yellow_circle:",
    State.SILENCED: ":no_bell:",
    State.STALE: ":grey_question:",
    State.RESOLVED: ":large_green_circle:",
}
Block = dict[str, Any]


def escape(text: str) -> str:
    """Slack's three special characters made harmless: `<!channel>` in a label must wake nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fit(text: str, limit: int) -> str:
    """The text escaped, and cut so that it is no longer than the limit after escaping. NUL and the like are dropped."""
    text = "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())
    whole = escape(text)
    if len(whole) <= limit:
        return whole
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(escape(text[:middle])) < limit else (low, middle - 1)
    return escape(text[:low]) + "…"


def summary(page: Page, limit: int = TEXT) -> str:
    """The page as one plain text: what a phone shows on its locked screen, and the fallback when blocks are refused."""
    word = page.state.value.upper() if page.state is not State.OPEN else (page.severity or "alert").upper()
    mentions = _mentions(page)
    text = f"{_SIGNS[page.state]} {word} {page.key}: {fit(page.headline, 300)}. {fit(page.line, 400)}"
    if page.evidence is not None:
        text += f"\n{fit(page.evidence.summary, 400)}"
    if page.runbook_url and page.open:
        text += f"\n{fit(page.runbook_url, 500)}"
    return f"{mentions}{text}"[:limit]


def line(page: Page) -> str:
    """What is new, for the thread; with a mention when it should wake someone."""
    return f"{_mentions(page)}{fit(page.line, SECTION - 500)}"


def blocks(page: Page) -> list[Block]:
    """The page in Block Kit; what is least needed is left out when it would be too much for Slack."""
    must = [
        {"type": "header", "text": _plain(f"{_SIGNS[page.state]} {_title(page)}", HEADER)},
        _section(_facts(page)),
    ]
    if page.evidence is not None:
        must.append(_section(_evidence(page.evidence)))
    buttons = _buttons(page)
    end = [{"type": "actions", "block_id": f"shopwatch-{page.key}", "elements": buttons}] if buttons else []
    may = _extras(page)
    while may and len(json.dumps([*must, *may, *end], ensure_ascii=False)) > WHOLE:
        may.pop()
    return [*must, *may, *end]


def _extras(page: Page) -> list[Block]:
    """What is good to know, the most needed first."""
    made: list[Block] = []
    if page.values or (page.evidence is not None and page.evidence.facts):
        made.append({"type": "section", "fields": _values(page)})
    if page.more:
        made.append(_section("\n".join(f"• {fit(also, 250)}" for also in page.more)))
    if page.labels:
        shown = ", ".join(f"{name}={value}" for name, value in page.labels)
        made.append({"type": "context", "elements": [_markdown(fit(shown, 1000))]})
    return made


def _title(page: Page) -> str:
    if page.resolved is not None and page.state is State.RESOLVED:
        return f"Resolved: {page.headline}"
    return page.headline


def _facts(page: Page) -> str:
    """Since when, how severe, who has it."""
    parts = [f"*{page.key}* since {_moment(page.started_at)}"]
    if page.resolved is not None:
        lasted = format_duration(max(0, round(page.resolved.at - page.started_at)))
        parts.append(f"over at {_moment(page.resolved.at)} after {lasted}")
    if page.severity:
        parts.append(f"severity {fit(page.severity, 50)}")
    lines = [" · ".join(parts)]
    if page.ack is not None:
        lines.append(f":eyes: *{fit(page.ack.by, 100)}* has it since {_moment(page.ack.at)}")
    elif page.open and page.people:
        lines.append(f"Paged: {_people(page)}")
    if page.doubt:
        lines.append(fit(f"{page.doubt}.", 300))
    if page.hush is not None:
        until = "" if page.hush.by == INHIBITION else f" until {_moment(page.hush.until)}"  # ends with what holds it
        lines.append(f"Silenced by {fit(page.hush.by, 100)}{until}: {fit(page.hush.reason, 300)}")
    if page.description:
        lines.append(fit(page.description, 1000))
    return "\n".join(lines)


def _evidence(evidence: Evidence) -> str:
    text = f"*{fit(evidence.summary, 500)}*"
    skipped = not_reached(evidence)
    for step in evidence.steps:
        if step.name in skipped:
            continue
        after = f" ({took(step.seconds)})" if step.seconds is not None else ""
        detail = f": {fit(step.detail, 200)}" if step.detail and step.outcome is not Outcome.UP else ""
        added = f"\n{_MARKS.get(step.outcome, ':x:')} {fit(step.name, 80)}{after}{detail}"
        if len(text) + len(added) > SECTION - _EXCERPT - 350:
            break
        text += added
    if skipped:
        text += f"\n_not reached: {fit(', '.join(skipped), 300)}_"
    if evidence.excerpt:
        quoted = fit(evidence.excerpt.replace("```", "'''"), _EXCERPT)
        text += f"\n```{quoted}```"
    return text


def _values(page: Page) -> list[Block]:
    pairs = [*page.values, *(page.evidence.facts if page.evidence else ())]
    return [_markdown(f"*{fit(name, 100)}*\n{fit(value, 200) or '–'}") for name, value in pairs[:_FIELDS]]


def _buttons(page: Page) -> list[Block]:
    made = []
    if page.can_ack:
        made.append(_button("ack", "Ack", page.key, style="primary"))
    if page.runbook_url and len(page.runbook_url) <= LINK:
        made.append(_button("runbook", "Runbook", page.key, url=page.runbook_url))
    if page.url and len(page.url) <= LINK:
        made.append(_button("open", "Open", page.key, url=page.url))
    if page.open and page.hush is None:
        made.append(_button("silence", "Silence 1h", page.key))
    if page.open:
        sure = {
            "title": _plain("Is it over?", 100),
            "text": _plain("If its source still says otherwise in five minutes, it pages again.", 300),
            "confirm": _plain("Resolve", 30),
            "deny": _plain("Not yet", 30),
        }
        made.append(_button("resolve", "Resolve", page.key, confirm=sure))
    return made


def _button(action: str, text: str, key: str, **more: Any) -> Block:
    return {"type": "button", "action_id": action, "text": _plain(text, 75), "value": key, **more}


def _mentions(page: Page) -> str:
    mentions = " ".join(f"<@{person.slack}>" for person in page.people if person.slack) if page.rings else ""
    return f"{mentions} " if mentions else ""


def _people(page: Page) -> str:
    return ", ".join(f"<@{person.slack}>" if person.slack else fit(person.name, 100) for person in page.people[:20])


def _moment(at: float) -> str:
    """A moment in the reader's own time zone, with UTC for clients that do not know the form."""
    plain = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time_secs}}|{plain}>"


def _section(text: str) -> Block:
    return {"type": "section", "text": _markdown(text)}


def _markdown(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": fit(text, limit), "emoji": True}
