"""An escalation goes from step to step, repeats what is to be repeated, and ends."""

import pytest
from pydantic import ValidationError

from alerts.escalation import Escalation, EscalationStep, Plan, Position, tell_once
from tests.alerts.making import PLAN


def test_every_step_in_order() -> None:
    position, seen = PLAN.after(None), []
    while position is not None:
        seen.append(PLAN.describe(position))
        position = PLAN.after(position)
    assert seen == [" (step 1 of 2)", " (step 2 of 2)", " (step 2 of 2, repeat 1 of 1)"]


def test_what_tells_once_has_no_next_step() -> None:
    plan = tell_once("notify", ("slack", "email"))
    assert plan.after(Position(0)) is None
    assert plan.steps[0].by == ("slack", "email")


def test_a_position_beyond_a_shortened_plan_is_its_end() -> None:
    assert Plan("page", PLAN.steps[:1]).after(Position(1)) is None


def test_a_step_waits_five_minutes_unless_told_otherwise() -> None:
    assert EscalationStep(by=("slack",)).within == 300.0
    assert PLAN.waited(Position(1)) == "10m"


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "page", "steps": []},
        {"name": "page", "steps": [{"notify": ["mei"]}]},
        {"name": "page", "steps": [{"by": ["slack"], "repeat": -1}]},
        {"name": "page", "steps": [{"by": ["slack"], "repeat": 1000}]},
        {"name": "page", "steps": [{"by": ["slack"], "within": "0"}]},
        {"name": "page", "steps": [{"by": ["slack"], "whithin": "5m"}]},
    ],
)
def test_bad_escalations(settings: object) -> None:
    with pytest.raises(ValidationError):
        Escalation.model_validate(settings)
