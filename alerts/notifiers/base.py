"""What every notifier is made of: it tells one channel about one page, and answers with the channel's receipt."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from alerts.page import Page
from probes.settings import Name, Settings


class NotifyError(Exception):
    """A channel could not be told; the message is one sentence.

    `permanent` says that trying again cannot help (a missing channel). `elsewhere` says that it may help, but that
    another channel should be told at once (a token that is not accepted: it may be wrong, or just being replaced).
    `retry_after` is how many seconds the channel asked us to wait.
    """

    def __init__(
        self, message: str, permanent: bool = False, retry_after: float | None = None, elsewhere: bool = False
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
        self.elsewhere = elsewhere


@dataclass(frozen=True, slots=True)
class Receipt:
    """The proof that a channel was told at a moment (seconds UTC).

    `message` is the channel's own reference, such as Slack's channel id and ts, by which it is edited later; `detail`
    says in a few words what happened when it was more than plain sending.
    """

    notifier: str
    at: float
    message: dict[str, str] = field(default_factory=dict)
    detail: str = ""


class NotifierSettings(Settings):
    """The settings that every notifier has; a kind adds its own."""

    name: Name
    type: str


S = TypeVar("S", bound=NotifierSettings)


class Notifier(ABC, Generic[S]):
    """One kind of channel. `send` is called from several threads, at most `workers` at once, never twice at the same
    time for one incident. It must end by itself within `patience` seconds.
    """

    settings_model: ClassVar[type[NotifierSettings]]
    workers: ClassVar[int] = 1
    patience: ClassVar[float] = 30.0

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @property
    def name(self) -> str:
        """The name in the config."""
        return self.settings.name

    @abstractmethod
    def send(self, page: Page, previous: Receipt | None) -> Receipt:
        """Tell the channel: anew, or by editing the message of the `previous` receipt. Raises NotifyError."""

    def close(self) -> None:
        """Let go of connections."""


AnyNotifier = Notifier[Any]
