"""Checks what a person gets to hear: how urgent, whose it is, one sentence, and a runbook that answers the night."""

import re
from collections.abc import Callable

from alerts.lint.remark import Found
from alerts.rule import AlertingRule

SEVERITIES = ("page", "ticket")
#: The headings of a runbook, in the order in which somebody woken needs them.
HEADINGS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Escalate")
_RUNBOOK = re.compile(r"runbooks/([A-Za-z0-9][A-Za-z0-9_-]*)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)

#: Answers a runbook's text by its name, or None when there is none.
Runbooks = Callable[[str], str | None]


def told_completely(rule: AlertingRule) -> Found:
    """Severity, owner and summary."""
    labels, annotations = dict(rule.labels), dict(rule.annotations)
    severity = labels.get("severity", "")
    if severity not in SEVERITIES and "{{" not in severity:
        said = f"{severity!r} is none" if severity else "none is given"
        yield None, f"{rule.alert} needs the label severity, page or ticket; {said}"
    if not labels.get("owner"):
        yield None, f"{rule.alert} needs the label owner, so that somebody answers for it"
    if not annotations.get("summary"):
        yield None, f"{rule.alert} needs the annotation summary, the one sentence that a phone shows"


def runbook_stands(rule: AlertingRule, runbooks: Runbooks) -> Found:
    """A runbook of our own has the headings; one elsewhere on the web is believed."""
    url = dict(rule.annotations).get("runbook_url", "")
    if not url:
        yield None, f"{rule.alert} needs the annotation runbook_url, such as runbooks/{rule.alert}"
        return
    if url.startswith(("http://", "https://")):
        return
    match = _RUNBOOK.fullmatch(url)
    if match is None:
        yield None, f"runbook_url is {url!r}; write runbooks/{rule.alert}, or a whole URL"
        return
    text = runbooks(match[1])
    if text is None:
        yield None, f"there is no runbook {match[1]}.md; write one with the headings {', '.join(HEADINGS)}"
        return
    missing = [heading for heading in HEADINGS if heading not in _HEADING.findall(text)]
    if missing:
        yield None, f"the runbook {match[1]}.md has no heading {', '.join(missing)}"
