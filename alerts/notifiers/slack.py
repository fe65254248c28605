"""Tells a Slack channel: one message an incident, edited in place, its story in the thread, Ack at hand."""

import logging
import re
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, ClassVar, Literal

from pydantic import Field
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from alerts.notifiers.base import Notifier, NotifierSettings, NotifyError, Receipt
from alerts.notifiers.slack_message import blocks, line, summary
from alerts.page import Page
from probes.settings import Secret, SecretUnreadable
from probes.units import Interval

#: What the client would log, we raise: nothing is to be told twice.
_silent = logging.getLogger(f"{__name__}.client")
_silent.setLevel(logging.CRITICAL + 1)

EVENT_TYPE = "shopwatch_incident"
#: Slack lets one message a second into a channel.
_GAP = 1.0
_REFUSED_BLOCKS = {
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "invalid_attachments",
}
_MESSAGE_GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"}
_CODE = re.compile(r"[a-z_]{1,60}")
_THEIRS = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited"}
#: Only a person in Slack can mend these; whatever else Slack says may pass by itself, codes that we never heard of too.
_LASTING = {"missing_scope", "channel_not_found", "not_in_channel", "is_archived"}
_ADVICE = {
    "invalid_auth": "Slack does not accept the token; put a bot token (xoxb-…) with chat:write in its place",
    "not_authed": "the token is empty; put a bot token (xoxb-…) with chat:write in its place",
    "token_revoked": "the token was revoked; install the app again and replace it",
    "token_expired": "the token has expired; replace it",
    "account_inactive": "the app was removed from the workspace; install it again",
    "missing_scope": "the token lacks a scope; add chat:write to the app and install it again",
    "channel_not_found": "there is no such channel, or the app cannot see it; invite the app, or correct `channel`",
    "not_in_channel": "the app is not in the channel; invite it",
    "is_archived": "the channel is archived; name another",
}


class SlackSettings(NotifierSettings):
    """A bot token with chat:write. With channels:history and the channel's id (C012…), a page whose sending was cut
    off is looked for before it is sent again; otherwise it may appear twice.
    """

    type: Literal["slack"] = "slack"
    token: Secret
    signing_secret: Secret | None = None
    channel: str = Field(min_length=1)
    base_url: str = Field(
        default="https://slack.com/api/", pattern=r"^https?://.*/$", examples=["https://slack.com/api/"]
    )
    timeout: Interval = 10.0


class SlackNotifier(Notifier[SlackSettings]):
    """Posts and edits through Slack's Web API, by the synchronous client without its retries: the outbox retries."""

    settings_model = SlackSettings
    workers: ClassVar[int] = 4
    #: At most four calls and their gaps for one page.
    patience: ClassVar[float] = 60.0

    def __init__(
        self,
        settings: SlackSettings,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(settings)
        self._monotonic, self._sleep, self._clock = monotonic, sleep, clock
        self._gate = threading.Lock()
        self._next_post = 0.0
        self._channel_id = settings.channel if settings.channel[:1] in "CGD" else ""

    def send(self, page: Page, previous: Receipt | None) -> Receipt:
        """Post the incident, or edit its message and add the new line to its thread. Raises NotifyError."""
        if previous is None and page.attempt:
            previous = self._arrived(page)
            if previous is not None:
                return self._edit(page, previous, detail="it had arrived at the first try")
        if previous is None:
            return self._post(page)
        return self._edit(page, previous, answer=line(page))

    def _post(self, page: Page, detail: str = "") -> Receipt:
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": page.key}}
        answer = self._message("chat_postMessage", page, channel=self.settings.channel, metadata=metadata)
        self._channel_id = str(answer["channel"])
        return self._receipt({"channel": str(answer["channel"]), "ts": str(answer["ts"])}, detail)

    def _edit(self, page: Page, previous: Receipt, answer: str = "", detail: str = "") -> Receipt:
        place = {"channel": previous.message["channel"], "ts": previous.message["ts"]}
        try:
            self._message("chat_update", page, **place)
            if answer:
                # A reply that everyone sees also in the channel when it is to wake someone.
                reply = {"channel": place["channel"], "thread_ts": place["ts"], "reply_broadcast": page.rings}
                self._call("chat_postMessage", text=answer, unfurl_links=False, **reply)
        except _MessageGone:
            return self._post(page, "its first message was deleted")
        return self._receipt(place, detail)

    def _arrived(self, page: Page) -> Receipt | None:
        """Our own message about this incident, if an earlier try arrived although its answer did not."""
        if not self._channel_id:
            return None
        try:
            oldest = str(page.started_at - 60.0)
            answer = self._call(
                "conversations_history",
                channel=self._channel_id,
                oldest=oldest,
                limit=100,
                include_all_metadata=True,
            )
        except NotifyError as error:
            if error.permanent or error.elsewhere:  # we may not look: a page twice beats a page lost
                return None
            raise
        for message in answer.get("messages") or []:
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload", {}).get("key") == page.key:
                return self._receipt({"channel": self._channel_id, "ts": str(message["ts"])}, "")
        return None

    def _message(self, method: str, page: Page, **arguments: Any) -> Any:
        common = {"unfurl_links": False, "unfurl_media": False} if method == "chat_postMessage" else {}
        try:
            return self._call(method, text=summary(page), blocks=blocks(page), **common, **arguments)
        except _BlocksRefused:
            return self._call(method, text=summary(page), blocks=[], **common, **arguments)

    def _call(self, method: str, **arguments: Any) -> Any:
        if method == "chat_postMessage":
            self._wait_for_turn()
        try:
            client = WebClient(
                token=self.settings.token.read(),
                base_url=self.settings.base_url,
                timeout=max(1, round(self.settings.timeout)),
                retry_handlers=[],
                logger=_silent,
            )
            answer = getattr(client, method)(**arguments)
        except SlackApiError as error:
            raise self._judge(error) from None
        except SecretUnreadable as error:
            raise NotifyError(str(error), elsewhere=True) from None  # it may be just being replaced
        except TimeoutError:
            raise NotifyError(f"Slack did not answer within {self.settings.timeout:g} s") from None
        except (OSError, HTTPException, SlackClientError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise NotifyError(f"Slack cannot be reached: {type(error).__name__}: {reason}") from None
        if method.startswith("chat_") and not (answer.get("ts") and answer.get("channel")):
            raise NotifyError("Slack says ok, but not where: the answer has no ts or no channel, so nothing is proved")
        return answer

    def _wait_for_turn(self) -> None:
        with self._gate:
            now = self._monotonic()
            turn = max(now, self._next_post)
            self._next_post = turn + _GAP
        if turn > now:
            self._sleep(turn - now)

    def _judge(self, error: SlackApiError) -> NotifyError:
        response: Any = error.response
        status = int(getattr(response, "status_code", 0) or 0)
        data = getattr(response, "data", response)
        code = str(data.get("error") or "") if isinstance(data, dict) else ""
        if not _CODE.fullmatch(code):  # the client puts a proxy's whole login page here
            code = ""
        if status == 429 or code in ("ratelimited", "rate_limited"):
            wait = _seconds(getattr(response, "headers", {}))
            with self._gate:  # whoever is next in line would only be turned away too
                self._next_post = max(self._next_post, self._monotonic() + min(wait, _GAP * 5))
            return NotifyError(f"Slack asks to wait {wait:g} s (429)", retry_after=wait)
        if code in _REFUSED_BLOCKS:
            return _BlocksRefused(f"Slack refuses the message ({code})", permanent=True)
        if code in _MESSAGE_GONE:
            return _MessageGone(f"Slack does not find the message any more ({code})", permanent=True)
        if status >= 500 or not code or code in _THEIRS:
            return NotifyError(f"Slack has trouble of its own (HTTP {status}{', ' + code if code else ''})")
        where = f" (channel {self.settings.channel})" if "channel" in code or code == "is_archived" else ""
        sentence = f"{code}: {_ADVICE.get(code, 'Slack refuses the message')}{where}"
        lasting = code in _LASTING
        return NotifyError(sentence, permanent=lasting, elsewhere=not lasting)

    def _receipt(self, message: dict[str, str], detail: str) -> Receipt:
        return Receipt(self.name, self._clock(), message, detail)


class _BlocksRefused(NotifyError):
    """Slack wants no such blocks: plain text may still pass."""


class _MessageGone(NotifyError):
    """The message to edit is not there any more: post a new one."""


def _seconds(headers: Any) -> float:
    """Retry-After in seconds; Slack has always sent one, and a proxy in between may not."""
    for name in ("Retry-After", "retry-after"):
        value = headers.get(name)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, str) and value.strip().isdecimal():
            return min(float(value), 3600.0)
    return 30.0
