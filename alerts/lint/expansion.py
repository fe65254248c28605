"""Fills every template of a rule in with made-up values, because what fails then fails at night too."""

from alerts.lint.remark import Found
from alerts.rule import AlertingRule
from alerts.template import Data, Template, TemplateError

_VALUE = 1234.5


def templates_expand(rule: AlertingRule) -> Found:
    """Tries each template once with a query that answers and once with one that does not."""
    for name, template in (*rule.label_texts, *rule.annotation_texts):
        for answers in (True, False):
            reason = _failure(template, answers=answers)
            if reason:
                yield None, f"the template of {name} fails: {reason}"
                break


def _failure(template: Template, *, answers: bool) -> str:
    sample = ({"__name__": "made_up", "instance": "made-up:9090"}, _VALUE)
    data = Data(
        labels={"alertname": "MadeUp", "instance": "made-up:9090"},
        value=_VALUE,
        external_url="https://watch.example",
        now=1_700_000_000.0,
        query=lambda expr: [sample] if answers else [],
    )
    try:
        template.expand(data)
    except TemplateError as error:
        hint = "" if answers else " when a query answers nothing"
        return f"{error.message}{hint}"
    return ""
