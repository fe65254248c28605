"""Goes out from one certain address of this machine, where a probe names one: several lines out, several looks."""

import asyncio
import errno
import ipaddress
import socket
from typing import Annotated, Any

from pydantic import BeforeValidator

from probes.net.address import Address
from probes.net.errors import NetError, from_os_error

#: linux/in.h: leave the choice of the port to connect(), where one port serves many servers. Without it, addresses
#: that are bound run out of ports after 28,000 connections a minute instead of 28,000 to each server.
_IP_BIND_ADDRESS_NO_PORT = 24


def source_word(value: object) -> str:
    """An address of this machine as it stands in a config; empty for any. Raises ValueError with a sentence."""
    if value in (None, ""):
        return ""
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address; write one that this machine has, such as 10.0.0.5") from None


#: An IP address of this machine in YAML; empty means that the system chooses.
Source = Annotated[str, BeforeValidator(source_word, json_schema_input_type=str)]


def family_of(ip: str) -> socket.AddressFamily:
    """The socket family of an address."""
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def bind(opened: socket.socket, source: str, ip: str, where: str, phase: str) -> None:
    """Have what goes out to `ip` over this socket come from `source`. Raises NetError, ours, when it cannot."""
    if family_of(source) != family_of(ip):
        raise NetError(f"{phase}: cannot reach {where} from {source}: one is IPv4, the other IPv6", phase, ours=True)
    try:
        if opened.type == socket.SOCK_STREAM:
            opened.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        opened.bind((source, 0))
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            message = f"{phase}: cannot reach {where}: this machine does not have the source address {source}"
            raise NetError(message, phase, ours=True) from error
        raise from_os_error(error, where, phase) from error


def open_from(source: str, ip: str, where: str, phase: str, kind: socket.SocketKind) -> socket.socket:
    """A socket to reach `ip` from `source`, not connected yet. Raises NetError, ours, when there can be none."""
    try:
        opened = socket.socket(family_of(ip), kind | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise from_os_error(error, where, phase) from error
    try:
        bind(opened, source, ip, where, phase)
    except NetError:
        opened.close()
        raise
    return opened


async def connect_from(
    source: str, server: Address, where: str, phase: str, kind: socket.SocketKind = socket.SOCK_STREAM
) -> socket.socket:
    """A socket connected to an IP address and port, from `source`. Raises NetError; OSError when `server` refuses."""
    opened = open_from(source, server.host, where, phase, kind)
    try:
        await asyncio.get_running_loop().sock_connect(opened, (server.host, server.port))
    except BaseException:
        opened.close()
        raise
    return opened


async def datagrams(server: Address, source: str, where: str, phase: str) -> dict[str, Any]:
    """What asyncio's create_datagram_endpoint is told to talk to `server`, from `source` unless that is empty.

    Raises NetError, ours.
    """
    if not source:
        return {"remote_addr": (server.host, server.port)}
    return {"sock": await connect_from(source, server, where, phase, socket.SOCK_DGRAM)}
