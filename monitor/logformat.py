"""One record is one line of the log, whatever an alert calls itself: nobody writes a line of their own into it."""

import logging
from types import TracebackType

_Trouble = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class PlainFormatter(logging.Formatter):
    """Writes line ends, escapes of terminals and whatever else is not printable as in a Python literal: `\\x1b`.

    A traceback keeps its lines, which only we have made.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line without what follows it."""
        return plain(super().formatMessage(record))

    def formatException(self, ei: _Trouble) -> str:  # noqa: N802 - logging's own name
        """The traceback, indented: none of its lines can be taken for a record."""
        return "\n".join(f"    {plain(line)}" for line in super().formatException(ei).split("\n"))


def plain(text: str) -> str:
    """The text in printable characters."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
