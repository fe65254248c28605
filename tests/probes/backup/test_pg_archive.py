from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.backup.pg_archive import encoding, extensions, made_at, read_header, restorable
from probes.backup.verification import Broken


def integer(value: int) -> bytes:
    return bytes([value < 0]) + abs(value).to_bytes(4, "little")


def head(version: tuple[int, int, int] = (1, 14, 0), kind: int = 1, month: int = 10) -> bytes:
    compression = b"\x00" if version >= (1, 15, 0) else integer(-1)
    moment = b"".join(map(integer, (59, 30, 12, 21, month, 126, 0)))
    return b"PGDMP" + bytes([*version, 4, 8, kind]) + compression + moment + b"more"


@pytest.mark.parametrize("version", [(1, 13, 0), (1, 14, 0), (1, 15, 0), (1, 16, 0)])
def test_the_header_of_every_age(version: tuple[int, int, int]) -> None:
    header = read_header(head(version))
    assert header.version == version
    assert header.made == datetime(2026, 11, 21, 12, 30, 59)
    assert made_at(header, "UTC") == 1_795_264_259
    assert made_at(header, "Asia/Taipei") == 1_795_264_259 - 8 * 3600


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no pg_dump -Fc archive"),
        (b"--\n-- PostgreSQL database dump", "is no pg_dump -Fc archive"),
        (head(kind=3), "of another format"),
        (head(month=12), "its header makes no sense"),
        (head()[:30], "its header makes no sense"),
        (head()[:7], "its header makes no sense"),
    ],
)
def test_what_is_no_header(data: bytes, message: str) -> None:
    with pytest.raises(Broken, match=message):
        read_header(data)


@given(st.binary(max_size=80).map(lambda tail: b"PGDMP\x01\x0e\x00" + tail))
@example(head())
def test_hostile_headers(data: bytes) -> None:
    message = ""
    try:
        assert read_header(data).made.year > 0
    except Broken as error:
        message = str(error)
    assert message == "" or "archive" in message


LISTING = """;
; Archive created at 2026-11-21 20:00:00 UTC
;     dbname: shop
3; 3079 16385 EXTENSION - pgcrypto 
3360; 0 0 COMMENT - EXTENSION pgcrypto 
6; 2615 16400 SCHEMA - extra postgres
7; 2615 16401 SCHEMA - extra_more postgres
210; 1259 16388 TABLE public orders cashier
211; 1259 16389 TABLE public EXTENSION - cashier
3350; 0 16388 TABLE DATA public orders cashier
3400; 3466 16500 EVENT TRIGGER - stop postgres
3401; 6104 16501 PUBLICATION - everything postgres
3402; 6106 16502 PUBLICATION TABLE public everything orders postgres
3403; 6100 16503 SUBSCRIPTION - shop postgres
"""  # noqa: W291 - as pg_restore writes it


def test_what_is_restored_and_what_is_left_out() -> None:
    kept, left_out = restorable(LISTING, ["extra"])
    assert [line.split("; ", 1)[1] for line in kept.splitlines() if line[0] != ";"] == [
        "2615 16401 SCHEMA - extra_more postgres",
        "1259 16388 TABLE public orders cashier",
        "1259 16389 TABLE public EXTENSION - cashier",
        "0 16388 TABLE DATA public orders cashier",
    ]
    assert len(left_out) == 7


def test_extensions_and_encoding() -> None:
    schema = """SET client_encoding = 'LATIN1';
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA "Extra ""x";
CREATE EXTENSION IF NOT EXISTS hstore; DROP DATABASE postgres;
  CREATE EXTENSION IF NOT EXISTS indented;
"""
    assert extensions(schema) == [("pgcrypto", "public"), ('"uuid-ossp"', '"Extra ""x"')]
    assert encoding(schema) == "LATIN1"
    assert encoding("") == "UTF8"
