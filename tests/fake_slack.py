"""A local server that plays Slack's Web API: it keeps messages, checks Slack's limits, and misbehaves on demand."""

import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "xoxb-test"
CHANNEL = "C012SHOPOPS"


class FakeSlack:
    """Start it with `with FakeSlack() as slack`. `next(...)` says how the next calls end, after that all go well.

    Ways: ok, 429, 500, 503, garbage, hollow (ok, and nothing else), drop (does it, then cuts the connection), refuse
    (cuts it before), slow, or any error code such as invalid_auth.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.channels = {"#shop-ops": CHANNEL, CHANNEL: CHANNEL}
        self.scopes = {"chat:write", "channels:history"}
        self.retry_after = "7"
        self.slowness = 5.0
        self.always: str | None = None
        self._ways: deque[str] = deque()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/"

    @property
    def posts(self) -> list[dict[str, Any]]:
        """The messages in the channel itself."""
        return [message for message in self.messages if not message.get("thread_ts")]

    @property
    def replies(self) -> list[dict[str, Any]]:
        """The messages in threads."""
        return [message for message in self.messages if message.get("thread_ts")]

    def next(self, *ways: str) -> None:
        self._ways.extend(ways)

    def __enter__(self) -> "FakeSlack":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, token: str, given: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.calls.append((method, given))
            if token != TOKEN:
                return {"ok": False, "error": "invalid_auth" if token else "not_authed"}
            if problem := too_much(given.get("blocks") or [], given.get("text") or ""):
                return {"ok": False, "error": problem}
            return {
                "chat.postMessage": self._post,
                "chat.update": self._update,
                "conversations.history": self._history,
            }[method](given)

    def _post(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self.channels.get(given["channel"])
        if channel is None:
            return {"ok": False, "error": "channel_not_found"}
        ts = f"{1795402800 + len(self.messages)}.000100"
        self.messages.append({**given, "channel": channel, "ts": ts, "edits": 0})
        return {"ok": True, "channel": channel, "ts": ts}

    def _update(self, given: dict[str, Any]) -> dict[str, Any]:
        found = [one for one in self.messages if (one["channel"], one["ts"]) == (given["channel"], given["ts"])]
        if not found:
            return {"ok": False, "error": "message_not_found"}
        found[0].update(text=given["text"], blocks=given.get("blocks"), edits=found[0]["edits"] + 1)
        return {"ok": True, "channel": given["channel"], "ts": given["ts"]}

    def _history(self, given: dict[str, Any]) -> dict[str, Any]:
        if "channels:history" not in self.scopes:
            return {"ok": False, "error": "missing_scope"}
        if given["channel"] != CHANNEL:
            return {"ok": False, "error": "channel_not_found"}
        return {"ok": True, "messages": [one for one in self.posts if float(one["ts"]) >= float(given["oldest"])]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                method = self.path.removeprefix("/api/")
                if self.headers["Content-Type"].startswith("application/json"):
                    given = json.loads(body)
                else:
                    given = dict(parse_qsl(body.decode()))
                with fake._lock:
                    way = fake._ways.popleft() if fake._ways else fake.always or "ok"
                token = (self.headers["Authorization"] or "").removeprefix("Bearer ").strip()
                if way == "refuse":
                    self.connection.close()
                    return
                if way == "429":
                    self.reply(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": fake.retry_after})
                elif way in ("500", "503"):
                    self.reply(int(way), {})
                elif way == "garbage":
                    self.reply(200, b"<html>proxy login</html>")
                elif way == "hollow":
                    self.reply(200, {"ok": True})
                elif way == "slow":
                    time.sleep(fake.slowness)
                    self.reply(200, fake.answer(method, token, given))
                elif way == "drop":
                    fake.answer(method, token, given)
                    self.connection.close()
                elif way == "ok":
                    self.reply(200, fake.answer(method, token, given))
                else:
                    with fake._lock:
                        fake.calls.append((method, given))
                    self.reply(200, {"ok": False, "error": way})

            def reply(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the client has given up

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def too_much(blocks: list[dict[str, Any]], text: str) -> str:
    """Slack's own complaint about blocks beyond its limits."""
    sizes = {"header": 150, "section": 3000}
    for block in blocks:
        size = len(block.get("text", {}).get("text", ""))
        if block["type"] in sizes and not 0 < size <= sizes[block["type"]] and "fields" not in block:
            return "invalid_blocks"
        fields = block.get("fields", [])
        if len(fields) > 10 or any(not 0 < len(one["text"]) <= 2000 for one in fields):
            return "invalid_blocks"
        for element in block.get("elements", []):
            label = element["text"]["text"] if isinstance(element["text"], dict) else element["text"]
            limit = 75 if element["type"] == "button" else 3000
            if not 0 < len(label) <= limit or len(element.get("url", "")) > 3000:
                return "invalid_blocks"
    if len(blocks) > 50:
        return "invalid_blocks"
    if len(json.dumps(blocks, ensure_ascii=False)) > 13_200:
        return "msg_blocks_too_long"
    return "msg_too_long" if len(text) > 40_000 else ""
