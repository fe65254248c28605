"""A place among the words of a query, moved forward word by word."""

from alerts.promql.errors import ParseError
from alerts.promql.token import Token


class Cursor:
    """The next word to read. The grammar was checked before, so a missing word is a difference between two parsers."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._at = 0

    @property
    def start(self) -> int:
        """The offset of the next word in the query."""
        return self._words[self._at].start if self._at < len(self._words) else 0

    def peek(self, ahead: int = 0) -> str:
        """The text of a word without reading it; empty after the last."""
        at = self._at + ahead
        return self._words[at].text if at < len(self._words) else ""

    def next(self) -> Token:
        """Read a word."""
        if self._at >= len(self._words):
            raise ParseError("the query ends where more is expected")
        self._at += 1
        return self._words[self._at - 1]

    def take(self, text: str) -> None:
        """Read a word that must be there. Raises ParseError."""
        if self.peek() != text:
            raise ParseError(f"expected {text!r}, found {self.peek() or 'the end of the query'!r}")
        self._at += 1

    def skip(self, texts: str) -> None:
        """Read on over words of one character, as long as they are among these."""
        while self.peek() and self.peek() in texts:
            self._at += 1

    def expect_end(self) -> None:
        """Raise ParseError if words are left."""
        if self._at < len(self._words):
            raise ParseError(f"unexpected {self.peek()!r}")
