"""A body's length that is said more than once is one length, as long as it is the same."""

import re
from itertools import chain, repeat

_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9][0-9, \t]*?)[ \t]*\r?\n", re.IGNORECASE | re.MULTILINE)


def one_length(data: bytes) -> bytes | None:
    """An answer that begins with this, its Content-Length said once only (RFC 9110, 8.6); None until its head is whole.

    Lengths that differ, or are no numbers, are left as they are.
    """
    end = min((place for place in (data.find(b"\n\r\n"), data.find(b"\n\n")) if place >= 0), default=-1)
    if end < 0:
        return None
    head, rest = data[: end + 1], data[end + 1 :]
    said = {number.strip() for value in _LENGTH.findall(head) for number in value.split(b",")}
    if len(said) != 1:
        return data
    lines = chain((b"Content-Length: %s\r\n" % said.pop(),), repeat(b""))
    return _LENGTH.sub(lambda _: next(lines), head) + rest
