"""Goes through an HTTP proxy where one is configured, and never because the environment says so."""

from probes.net.address import Address, Url, bracketed
from probes.net.errors import NetError
from probes.net.http1 import Http1
from probes.net.message import basic, header
from probes.net.wire import Wire
from probes.settings import Secret, Settings

#: With these a proxy says that the way behind it is broken; any other refusal is between it and us.
_BEHIND = (502, 503, 504)


class ProxySettings(Settings):
    """An HTTP proxy: its `url`, and what it wants to know of us."""

    url: Url
    user: str | None = None
    password: Secret | None = None

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(self.url.host, self.url.port)


def credentials(proxy: ProxySettings) -> list[tuple[bytes, bytes]]:
    """The header that says who we are, if the proxy wants to know. Raises SecretUnreadable."""
    if proxy.user is None:
        return []
    password = proxy.password.read() if proxy.password else ""
    return [(b"Proxy-Authorization", basic(proxy.user, password))]


async def tunnel(wire: Wire, proxy: ProxySettings, url: Url) -> None:
    """Have the proxy connect through to `url`'s server (CONNECT, RFC 9110, 9.3.6). Raises NetError."""
    goal = f"{bracketed(url.host)}:{url.port}"
    lines = [f"CONNECT {goal} HTTP/1.1\r\nHost: {goal}\r\n".encode()]
    lines += [name + b": " + value + b"\r\n" for name, value in credentials(proxy)]
    reader = Http1(f"the proxy {proxy.address}", wire.loop.create_future(), head_only=True, max_body=0)
    wire.attach(reader)
    wire.write(b"".join([*lines, b"\r\n"]))
    try:
        await reader.done
    except NetError as error:
        raise NetError(str(error).replace(error.phase, "connect", 1), "connect", ours=True) from error
    finally:
        wire.detach()
    status = reader.answer.status
    if not 200 <= status < 300:
        why = header(reader.answer.headers, b"proxy-status") or reader.answer.reason.encode()
        reason = f"{status} {why.decode('latin-1')[:100]}".strip()
        ours = status not in _BEHIND
        message = f"connect: the proxy {proxy.address} did not connect us to {goal}: {reason}"
        raise NetError(message, "connect", ours=ours)
