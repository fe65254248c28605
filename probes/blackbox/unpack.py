"""Unpacks a body as blackbox_exporter does: only as the module says, and as far as it goes."""

import zlib

from probes.net.decode import GZIP, RAW_DEFLATE, decode, inflate
from probes.net.errors import NetError

#: The formats that zlib reads: gzip's, and deflate without zlib's own head. Go means the latter by `deflate`, and a
#: server that sends what RFC 9110 means by it fails there; so it does here.
_WINDOWS = {"gzip": GZIP, "deflate": RAW_DEFLATE}


def unpack(body: bytes, compression: str, limit: int) -> tuple[bytes, str]:
    """The body as far as it can be unpacked, and a sentence for what is wrong with it, empty if nothing is.

    `limit` is how many bytes it may unpack to.
    """
    if compression in ("", "identity") or not body:
        return body, ""
    if compression == "br":
        try:
            return decode(body, b"br", limit, "the server"), ""
        except NetError as error:
            return b"", str(error)
    out: list[bytes] = []
    try:
        inflate(body, _WINDOWS[compression], limit, out)
    except zlib.error as error:
        return b"".join(out), f"transfer: the body is not {compression}: {error}"
    whole = b"".join(out)
    if len(whole) > limit:
        return whole[:limit], f"transfer: the body unpacks to more than {limit} bytes (body_size_limit)"
    return whole, ""
