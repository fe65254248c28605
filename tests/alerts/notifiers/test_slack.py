"""Slack in all its moods: one message an incident, and an honest error when it cannot be told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.incident import Kind, State, Taken
from alerts.notifiers.base import NotifyError
from alerts.notifiers.slack import SlackNotifier, SlackSettings
from alerts.notifiers.slack_message import blocks, fit, line, summary
from alerts.oncall import Person
from alerts.page import Page
from probes.base import Evidence, Outcome, Step
from tests.alerts.making import NOW
from tests.fake_slack import CHANNEL, TOKEN, FakeSlack, too_much

PAGE = Page(
    key="K7Q2",
    state=State.OPEN,
    kind=Kind.PAGE,
    line="Paged mei by slack (step 1 of 2)",
    severity="page",
    headline="Shoppers cannot finish checkout",
    description="The shopper's walk stops at a step.",
    started_at=NOW - 30,
    at=NOW,
    people=(Person(name="mei", slack="U012ABC"),),
    labels=(("alertname", "CheckoutFailing"), ("probe", "checkout")),
    values=(("value", "0"),),
    evidence=Evidence(
        "pay: expected status 200, got 500",
        (
            Step("search", Outcome.UP, 0.031),
            Step("pay", Outcome.DOWN, 1.2, "expected status 200, got 500"),
            Step("confirmation", Outcome.UNKNOWN),
        ),
        (("status", "500"),),
        "<h1>Internal Server Error</h1>",
    ),
    runbook_url="https://watch.shop.example/runbooks/CheckoutFailing",
    url="https://watch.shop.example/#K7Q2",
)
ACKED = replace(PAGE, state=State.ACKED, kind=Kind.NEWS, line="mei is on it", ack=Taken("mei", NOW + 5, "slack"))
RESOLVED = replace(
    PAGE, state=State.RESOLVED, kind=Kind.RESOLVED, line="Resolved", resolved=Taken("embedded", NOW + 90)
)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as server:
        yield server


def _notifier(slack: FakeSlack, **changes: Any) -> SlackNotifier:
    given = {"name": "slack", "token": TOKEN, "channel": "#shop-ops", "base_url": slack.url, **changes}
    return SlackNotifier(SlackSettings.model_validate(given), sleep=lambda seconds: None)


def test_one_message_is_posted_edited_and_closed_with_its_story_in_the_thread(slack: FakeSlack) -> None:
    notifier = _notifier(slack)
    receipt = notifier.send(PAGE, None)
    assert receipt.message == {"channel": CHANNEL, "ts": slack.posts[0]["ts"]}
    receipt = notifier.send(ACKED, receipt)
    notifier.send(RESOLVED, receipt)
    assert len(slack.posts) == 1
    assert [reply["text"] for reply in slack.replies] == ["mei is on it", "Resolved"]
    assert {reply["thread_ts"] for reply in slack.replies} == {slack.posts[0]["ts"]}
    text = json.dumps(slack.posts[0]["blocks"])
    assert "Resolved: Shoppers cannot finish checkout" in text
    assert "after 2m" in text
    assert '"action_id": "ack"' not in text


def test_what_the_message_says(slack: FakeSlack) -> None:
    _notifier(slack).send(PAGE, None)
    message = slack.posts[0]
    assert message["text"].startswith("<@U012ABC> ")
    assert message["metadata"] == {"event_type": "shopwatch_incident", "event_payload": {"key": "K7Q2"}}
    text = json.dumps(message["blocks"])
    for part in (
        "Shoppers cannot finish checkout",
        "*K7Q2* since <!date^1795402770^",
        ":x: pay (1.2 s): expected status 200, got 500",
        ":white_check_mark: search (31 ms)",
        "_not reached: confirmation_",
        "*status*\\n500",
        "*value*\\n0",
        "&lt;h1&gt;Internal Server Error",
        "alertname=CheckoutFailing, probe=checkout",
        "Paged: <@U012ABC>",
    ):
        assert part in text, part
    buttons = {one["action_id"]: one for one in message["blocks"][-1]["elements"]}
    assert list(buttons) == ["ack", "runbook", "open", "silence", "resolve"]
    assert buttons["runbook"]["url"] == PAGE.runbook_url
    assert buttons["ack"]["value"] == "K7Q2"


def test_an_escalation_mentions_in_the_thread_and_the_channel(slack: FakeSlack) -> None:
    notifier = _notifier(slack)
    receipt = notifier.send(PAGE, None)
    notifier.send(replace(PAGE, line="No ack within 5m. Paged ana"), receipt)
    assert slack.replies[0]["text"] == "<@U012ABC> No ack within 5m. Paged ana"
    assert slack.replies[0]["reply_broadcast"] is True
    notifier.send(ACKED, receipt)
    assert "<@" not in slack.replies[1]["text"]
    assert slack.replies[1]["reply_broadcast"] is False


def test_a_page_that_was_answered_before_it_was_sent_wakes_nobody() -> None:
    late = replace(ACKED, kind=Kind.PAGE)
    assert not late.rings
    assert "<@" not in line(late)
    assert "<@" not in summary(late)


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ("500", "Slack has trouble of its own (HTTP 500)"),
        ("503", "Slack has trouble of its own (HTTP 503)"),
        ("internal_error", "Slack has trouble of its own (HTTP 200, internal_error)"),
        ("drop", "Slack cannot be reached"),
        ("refuse", "Slack cannot be reached"),
        ("garbage", "Slack has trouble of its own"),
        ("hollow", "Slack says ok, but not where"),
    ],
)
def test_passing_trouble_is_to_be_tried_again(slack: FakeSlack, way: str, sentence: str) -> None:
    slack.next(way)
    with pytest.raises(NotifyError) as caught:
        _notifier(slack).send(PAGE, None)
    assert sentence in str(caught.value)
    assert not caught.value.permanent


def test_an_edit_that_is_not_proved_is_to_be_tried_again(slack: FakeSlack) -> None:
    notifier = _notifier(slack)
    receipt = notifier.send(PAGE, None)
    slack.next("ok", "hollow")
    with pytest.raises(NotifyError, match="nothing is proved"):
        notifier.send(ACKED, receipt)


def test_429_is_obeyed(slack: FakeSlack) -> None:
    slack.next("429")
    with pytest.raises(NotifyError) as caught:
        _notifier(slack).send(PAGE, None)
    assert (caught.value.permanent, caught.value.retry_after) == (False, 7.0)


@pytest.mark.parametrize("given", ["", "soon", "-5", "1e9"])
def test_429_with_nonsense_still_waits(slack: FakeSlack, given: str) -> None:
    slack.retry_after = given
    slack.next("429")
    with pytest.raises(NotifyError) as caught:
        _notifier(slack).send(PAGE, None)
    assert caught.value.retry_after == 30.0


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ("invalid_auth", "invalid_auth: Slack does not accept the token; put a bot token"),
        ("token_revoked", "the token was revoked"),
        ("team_added_to_org", "team_added_to_org: Slack refuses the message"),
        ("accesslimited", "accesslimited: Slack refuses the message"),
        ("some_new_error", "some_new_error: Slack refuses the message"),
    ],
)
def test_what_may_pass_is_told_elsewhere_at_once_and_tried_again(slack: FakeSlack, way: str, sentence: str) -> None:
    slack.next(way)
    with pytest.raises(NotifyError) as caught:
        _notifier(slack).send(PAGE, None)
    assert sentence in str(caught.value)
    assert (caught.value.permanent, caught.value.elsewhere) == (False, True)


def test_a_page_is_posted_though_slack_lets_nobody_look_for_it(slack: FakeSlack) -> None:
    slack.next("team_access_not_granted")
    _notifier(slack, channel=CHANNEL).send(replace(PAGE, attempt=1), None)
    assert len(slack.posts) == 1


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ("missing_scope", "the token lacks a scope; add chat:write"),
        ("not_in_channel", "the app is not in the channel; invite it (channel #shop-ops)"),
    ],
)
def test_lasting_trouble_says_what_to_do(slack: FakeSlack, way: str, sentence: str) -> None:
    slack.next(way)
    with pytest.raises(NotifyError) as caught:
        _notifier(slack).send(PAGE, None)
    assert sentence in str(caught.value)
    assert caught.value.permanent


def test_a_missing_channel(slack: FakeSlack) -> None:
    with pytest.raises(NotifyError, match=r"channel_not_found: .* invite the app.*\(channel #nowhere\)"):
        _notifier(slack, channel="#nowhere").send(PAGE, None)


def test_a_slow_slack_is_given_up_in_time(slack: FakeSlack) -> None:
    slack.next("slow")
    with pytest.raises(NotifyError, match="did not answer within 1 s") as caught:
        _notifier(slack, timeout="1s").send(PAGE, None)
    assert not caught.value.permanent


def test_a_page_that_arrived_unnoticed_is_found_and_not_posted_twice(slack: FakeSlack) -> None:
    notifier = _notifier(slack, channel=CHANNEL)
    slack.next("drop")
    with pytest.raises(NotifyError):
        notifier.send(PAGE, None)
    receipt = notifier.send(replace(PAGE, attempt=1), None)
    assert len(slack.posts) == 1
    assert receipt.message["ts"] == slack.posts[0]["ts"]
    assert receipt.detail == "it had arrived at the first try"
    assert slack.replies == []


def test_another_incidents_message_is_not_taken_for_ours(slack: FakeSlack) -> None:
    notifier = _notifier(slack, channel=CHANNEL)
    notifier.send(replace(PAGE, key="R3W9"), None)
    notifier.send(replace(PAGE, attempt=1), None)
    assert len(slack.posts) == 2


def test_without_the_scope_to_look_a_page_twice_beats_a_page_lost(slack: FakeSlack) -> None:
    slack.scopes.discard("channels:history")
    notifier = _notifier(slack, channel=CHANNEL)
    slack.next("drop")
    with pytest.raises(NotifyError):
        notifier.send(PAGE, None)
    notifier.send(replace(PAGE, attempt=1), None)
    assert len(slack.posts) == 2


def test_a_deleted_message_is_posted_anew(slack: FakeSlack) -> None:
    notifier = _notifier(slack)
    receipt = notifier.send(PAGE, None)
    slack.messages.clear()
    again = notifier.send(ACKED, receipt)
    assert again.detail == "its first message was deleted"
    assert len(slack.posts) == 1


def test_refused_blocks_become_plain_text(slack: FakeSlack) -> None:
    slack.next("invalid_blocks")
    _notifier(slack).send(PAGE, None)
    assert slack.posts[0]["blocks"] == []
    assert "Shoppers cannot finish checkout" in slack.posts[0]["text"]


def test_the_token_is_read_again_at_each_use(slack: FakeSlack, tmp_path: Path) -> None:
    file = tmp_path / "token"
    settings_ = SlackSettings.model_validate(
        {"name": "slack", "token_file": str(file), "channel": "#shop-ops", "base_url": slack.url}
    )
    notifier = SlackNotifier(settings_)
    with pytest.raises(NotifyError, match="cannot read the secret file") as caught:
        notifier.send(PAGE, None)
    assert (caught.value.permanent, caught.value.elsewhere) == (False, True)
    file.write_text("xoxb-wrong\n")
    with pytest.raises(NotifyError, match="invalid_auth"):
        notifier.send(PAGE, None)
    file.write_text(TOKEN + "\n")
    assert notifier.send(PAGE, None).message["channel"] == CHANNEL


def test_messages_into_a_channel_keep_their_distance(slack: FakeSlack) -> None:
    slept: list[float] = []
    made = SlackSettings(name="slack", token=TOKEN, channel="#shop-ops", base_url=slack.url)
    notifier = SlackNotifier(made, monotonic=lambda: 100.0, sleep=slept.append)
    for key in "ABC":
        notifier.send(replace(PAGE, key=key), None)
    assert slept == [1.0, 2.0]


def test_no_error_shows_the_token(slack: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    for way in ("500", "drop", "invalid_auth", "429", "garbage"):
        slack.next(way)
        with pytest.raises(NotifyError) as caught:
            _notifier(slack).send(PAGE, None)
        assert TOKEN not in str(caught.value)
        assert caught.value.__cause__ is None
    assert TOKEN not in caplog.text


_TEXT = st.text(max_size=100) | st.text(max_size=20).map(lambda text: text * 300)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    headline=_TEXT,
    detail=_TEXT,
    labels=st.lists(st.tuples(st.text(max_size=300), _TEXT), max_size=40),
    facts=st.lists(st.tuples(_TEXT, _TEXT), max_size=15),
)
def test_whatever_an_alert_says_fits_slacks_limits(
    headline: str, detail: str, labels: list[tuple[str, str]], facts: list[tuple[str, str]]
) -> None:
    steps = tuple(Step(detail[:200], Outcome.DOWN, 1.0, detail) for _ in range(30))
    page = replace(
        PAGE,
        headline=headline,
        description=detail,
        line=detail,
        labels=tuple(labels),
        evidence=Evidence(detail, steps, tuple(facts), detail),
        more=(headline, detail) * 5,
    )
    assert too_much(blocks(page), summary(page)) == ""
    assert len(summary(page)) <= 3000
    assert len(line(page)) <= 3000


@given(st.text(), st.integers(2, 200))
def test_fitting_escapes_and_never_cuts_an_entity(text: str, limit: int) -> None:
    fitted = fit(text, limit)
    assert len(fitted) <= limit
    assert not {"<", ">"} & set(fitted)
    assert fitted.count("&") == sum(fitted.count(entity) for entity in ("&amp;", "&lt;", "&gt;"))


def test_a_label_cannot_wake_everyone() -> None:
    page = replace(PAGE, headline="<!channel> & <@U1>", labels=(("shop", "<!here>"),), description="<!everyone>")
    text = json.dumps(blocks(page)) + summary(page) + line(replace(page, line="<!channel>"))
    assert "<!channel" not in text
    assert "<!here" not in text
    assert "<!everyone" not in text
    assert "<@U1>" not in text
