"""A deadline for what the running task does, lean enough to be set twice in every look."""

import asyncio
from types import TracebackType


class Deadline:
    """`with Deadline(loop, at): …` raises TimeoutError when the loop's clock comes to `at` first.

    As asyncio.timeout_at, which asks for the running loop again and again; on Python 3.11 each time is a system call
    (getpid), and of these a look would make more than of all others together. `passed` says whether it came.
    """

    __slots__ = ("_at", "_before", "_loop", "_task", "_timer", "passed")

    def __init__(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        self._loop, self._at = loop, at
        self.passed = False

    def __enter__(self) -> "Deadline":
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("a deadline is for what a task does")
        self._task, self._before = task, task.cancelling()
        self._timer = self._loop.call_at(self._at, self._pass)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # Who else wants the task to end is still obeyed: only our own wish is taken back.
        if self.passed and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _pass(self) -> None:
        self.passed = True
        self._task.cancel()
