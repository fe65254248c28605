"""A trouble that lasts is logged when it begins, once a minute, and when it is over - not at every try."""

import logging
import time
from collections.abc import Callable


class Lasting:
    """One kind of trouble. `what` begins the sentence, such as "the outbox cannot be read"."""

    def __init__(self, log: logging.Logger, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._what, self._clock = log, what, clock
        self._told_at: float | None = None

    def again(self, error: Exception, expected: type[Exception]) -> None:
        """It is there (still). An error of another type than expected is a bug, and is logged with its traceback."""
        now = self._clock()
        if self._told_at is None or now - self._told_at >= 60.0:
            self._told_at = now
            shown = None if isinstance(error, expected) else error
            self._log.error("%s, trying again: %s", self._what, error, exc_info=shown)

    def over(self) -> None:
        """It is not there (any more)."""
        if self._told_at is not None:
            self._told_at = None
            self._log.info("over: %s", self._what)
