"""A WebSocket server by the library websockets, for Debian's Python: python3 echoing.py PORT. It greets and echoes."""

import asyncio
import http
import sys

import websockets


async def talk(socket, *_):
    if socket.path == "/closing":
        await socket.close(1008, "not for you")
        return
    await socket.send("welcome")
    await socket.send(b"\x00\x01")
    await socket.ping(b"are you there")
    async for message in socket:
        await socket.send(["you said ", message])  # in two fragments


async def admit(path, headers):
    if path == "/secret" and headers.get("Authorization") != "Bearer hunter2":
        return http.HTTPStatus.UNAUTHORIZED, [], b"who are you?"
    return None


async def main():
    async with websockets.serve(
        talk, "127.0.0.1", int(sys.argv[1]), process_request=admit, subprotocols=["shop.v1"], compression=None
    ):
        await asyncio.Future()


asyncio.run(main())
