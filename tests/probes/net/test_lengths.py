"""A length that is said twice: one where it is the same, and nothing else of an answer is touched."""

from hypothesis import given
from hypothesis import strategies as st

from probes.net.lengths import one_length

BEGIN = b"HTTP/1.1 200 OK\r\n"


def test_a_length_is_said_once() -> None:
    twice = BEGIN + b"Content-Length: 5\r\nX-Content-Length: 7\r\nCONTENT-LENGTH: 5 , 5\r\n\r\nContent-Length: 9\r\n"
    once = BEGIN + b"Content-Length: 5\r\nX-Content-Length: 7\r\n\r\nContent-Length: 9\r\n"
    assert one_length(twice) == once
    assert one_length(once) == once


def test_what_contradicts_itself_is_left() -> None:
    for lengths in (b"5, 6", b"5,", b"05, 5", b"5\r\nContent-Length: 6", b"-5, -5"):
        data = BEGIN + b"Content-Length: " + lengths + b"\r\n\r\nhello"
        assert one_length(data) == data


@given(st.lists(st.sampled_from([b"Content-Length: 5", b": 5", b"\r\n", b"\n", b"a", b"5, 5"]) | st.binary(max_size=5)))
def test_any_bytes_stay_or_lose_a_length_only(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    read = one_length(data)
    if read is None:
        assert b"\n\n" not in data
        assert b"\n\r\n" not in data
    else:
        assert one_length(read) == read
        assert read.endswith(data[data.rfind(b"\n") + 1 :])
