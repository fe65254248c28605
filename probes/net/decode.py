"""Unpacks compressed bodies, never to more than was agreed: a gzip bomb costs its limit and no more."""

import zlib
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from probes.net.errors import NetError

#: How zlib is told to read gzip, and deflate without zlib's own head.
GZIP, RAW_DEFLATE = 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS
#: Bytes that are unpacked in one go, and how many gzip members a body may have: each costs a little, however small.
_PIECE, _MOST_MEMBERS = 4096, 10_000
_GZIP_BEGINS = b"\x1f\x8b"
#: What servers write where nothing is packed: browsers pass over it.
_UNPACKED = ("", "identity", "none", "binary", "7bit", "8bit", "utf-8", "utf8", "utf-16", "us-ascii", "iso-8859-1")


def _brotli(body: bytes, limit: int) -> bytes:
    return bytes(import_module("brotli").Decompressor().process(body, output_buffer_limit=limit + 1))


def _zstd(body: bytes, limit: int) -> bytes:
    unpacker = import_module("zstandard").ZstdDecompressor(max_window_size=8 * 1024 * 1024)
    with unpacker.stream_reader(body) as reader:
        return bytes(reader.read(limit + 1))


def inflate(body: bytes, window: int, limit: int, out: list[bytes], *, junk: bool = False) -> None:
    """Unpack into `out` what zlib reads by this window (its `wbits`), and stop beyond `limit` bytes.

    Several gzip members in a row are one body (RFC 1952, 2.2); behind the other formats nothing counts, and with
    `junk`, as in browsers, nothing behind gzip that is not gzip too. Raises zlib.error, and what stands before the
    broken place is in `out`, to the last piece.
    """
    place, room = 0, limit + 1
    for _ in range(_MOST_MEMBERS):
        unpacker = zlib.decompressobj(window)
        while not unpacker.eof and room > 0:
            if place >= len(body):
                raise zlib.error("it ends too early")
            piece = body[place : place + _PIECE]
            out.append(unpacker.decompress(piece, room))
            room -= len(out[-1])
            place += len(piece) - len(unpacker.unused_data)
        if window < GZIP or place >= len(body) or room <= 0:
            return
        if junk and not body.startswith(_GZIP_BEGINS, place):
            return
    raise zlib.error(f"it has more than {_MOST_MEMBERS} parts")


def _zlib(body: bytes, limit: int, window: int) -> bytes:
    out: list[bytes] = []
    inflate(body, window, limit, out, junk=True)
    return b"".join(out)


def _gzip(body: bytes, limit: int) -> bytes:
    return _zlib(body, limit, GZIP)


def _deflate(body: bytes, limit: int) -> bytes:
    """RFC 9110 means zlib's format; some servers send the raw one, and browsers take both."""
    try:
        return _zlib(body, limit, zlib.MAX_WBITS)
    except zlib.error:
        return _zlib(body, limit, RAW_DEFLATE)


_DECODERS: dict[str, Any] = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate}
if find_spec("brotli"):
    _DECODERS["br"] = _brotli
if find_spec("zstandard"):
    _DECODERS["zstd"] = _zstd

#: What we say that we can unpack.
ACCEPT_ENCODING = ", ".join(name for name in _DECODERS if not name.startswith("x-")).encode()


def can_unpack(encoding: str) -> bool:
    """Whether this Content-Encoding can be unpacked here: br and zstd need packages of their own."""
    return encoding in _DECODERS


def decode(body: bytes, encoding: bytes | None, limit: int, where: str) -> bytes:
    """The body unpacked; `encoding` is the Content-Encoding header. Raises NetError beyond `limit` bytes, for
    a body that is not what its header says, and for an encoding that we did not ask for.
    """
    for name in reversed((encoding or b"").decode("latin-1").lower().split(",")):
        name = name.strip()
        if not body or name in _UNPACKED:
            continue
        if name not in _DECODERS:
            raise NetError(f"transfer: {where} sent the body encoded as {name!r}, which was not asked for", "transfer")
        try:
            body = _DECODERS[name](body, limit)
        except Exception as error:  # each library has its own error class for garbage
            raise NetError(f"transfer: {where} sent a body that is not {name}: {error}", "transfer") from None
        if len(body) > limit:
            raise NetError(
                f"transfer: {where} sent a body that unpacks to more than {limit} bytes (max_body)", "transfer"
            )
    return body
