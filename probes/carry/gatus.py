"""Gatus' endpoints and their conditions."""

import re
from typing import Any
from urllib.parse import urlsplit

from probes.carry import Carried, Words
from probes.units import format_duration, parse_duration
from probes.yamlfile import load, plain

_CONDITION = re.compile(r"\s*\[([A-Z_]+)\](\S*)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*")
_PATTERN = re.compile(r"pat\(\*?([^*?]+)\*?\)")
_ANY = re.compile(r"any\((.*)\)")
_STARTTLS = {25: "smtp", 587: "smtp", 143: "imap", 110: "pop3", 21: "ftp"}
#: What is carried; everything else in an endpoint is told as lost.
_KNOWN = {"name", "group", "enabled", "url", "method", "body", "headers", "dns", "interval", "conditions", "client"}


def carry(text: str, file: str) -> Carried:
    """The probes that a Gatus config amounts to. Raises YamlInvalid for a file that is none."""
    words = plain(load(text, file)) or {}
    carried = Carried()
    for section in sorted(set(words) - {"endpoints"}):
        carried.lose(section, "is no probe; see the sections of the same purpose in config.example.yaml")
    for endpoint in words.get("endpoints") or ():
        _Endpoint(carried, endpoint).carry()
    return carried


class _Endpoint:
    """One endpoint on its way."""

    def __init__(self, carried: Carried, words: Words) -> None:
        self._carried, self._words = carried, words
        self._name = " ".join(str(words[key]) for key in ("group", "name") if words.get(key)) or "endpoint"
        self._expect: Words = {}
        self._days: str | None = None

    def carry(self) -> None:
        """Write the probe, and one for its certificate where a condition asks for days left."""
        words, url = self._words, str(self._words.get("url", ""))
        for word in sorted(set(words) - _KNOWN):
            self._lose(word, "has no word in a probe; alerting is done by rules and routes")
        if words.get("enabled") is False:
            self._lose("the endpoint", "is not enabled")
            return
        conditions = [condition for condition in words.get("conditions") or () if not self._takes(str(condition))]
        for condition in conditions:
            self._lose(f"the condition {condition!r}", "has no word in `expect`")
        parts = urlsplit(url)
        probe = self._probe(parts.scheme, url)
        if probe is None:
            self._lose(url, "cannot be looked at by any of our probes")
            return
        client = words.get("client") or {}
        common: Words = {
            "every": self._duration(words.get("interval")),
            "timeout": self._duration(client.get("timeout")),
        }
        self._carried.add(self._name, probe | common)
        if self._days and parts.scheme == "https":
            address = f"{parts.hostname}:{parts.port or 443}"
            expect = {"valid_for": self._days}
            self._carried.add(
                f"{self._name} certificate", {"type": "tls", "address": address, "every": "1h", "expect": expect}
            )

    def _probe(self, scheme: str, url: str) -> Words | None:
        client, target = self._words.get("client") or {}, url.partition("://")[2]
        tls = {"verify": False} if client.get("insecure") else None
        if self._words.get("dns"):
            query = self._words["dns"]
            kept = {key: value for key, value in self._expect.items() if key in ("code", "within")}
            server = url.removeprefix("dns://")
            return {
                "type": "dns",
                "query": query.get("query-name"),
                "record": query.get("query-type"),
                "server": server,
                "expect": kept,
            }
        kept = {key: value for key, value in self._expect.items() if key == "within"}
        if scheme in ("http", "https"):
            return {
                "type": "http",
                "url": url,
                "method": self._words.get("method"),
                "headers": self._words.get("headers"),
                "body": self._words.get("body"),
                "redirects": 0 if client.get("ignore-redirect") else None,
                "tls": tls,
                "expect": self._expect,
            }
        if scheme == "tcp":
            return {"type": "tcp", "address": target}
        if scheme in ("tls", "starttls"):
            greeting = _STARTTLS.get(urlsplit(url).port or 0) if scheme == "starttls" else None
            valid = {"valid_for": self._days} if self._days else None
            return {"type": "tls", "address": target, "starttls": greeting, "tls": tls, "expect": valid}
        if scheme == "icmp":
            return {"type": "icmp", "host": target, "expect": kept}
        return None

    def _takes(self, condition: str) -> bool:
        """Whether a condition could be carried."""
        match = _CONDITION.fullmatch(condition)
        if match is None:
            return False
        what, path, operator, value = match.groups()
        if what == "CONNECTED":
            return operator == "==" and value == "true"
        if what == "STATUS":
            return self._status(operator, value)
        if what == "RESPONSE_TIME" and operator in ("<", "<=") and value.isdigit():
            self._expect["within"] = format_duration(int(value) / 1000)
            return True
        if what == "CERTIFICATE_EXPIRATION" and operator in (">", ">="):
            self._days = self._duration(value)
            return self._days is not None
        if what == "DNS_RCODE" and operator == "==":
            self._expect["code"] = value
            return True
        return what == "BODY" and operator == "==" and self._body(path, value)

    def _status(self, operator: str, value: str) -> bool:
        below: dict[tuple[str, str], Any] = {
            ("<", "300"): ["1xx", "2xx"],
            ("<", "400"): ["1xx", "2xx", "3xx"],
            ("<", "500"): ["1xx", "2xx", "3xx", "4xx"],
        }
        several = _ANY.fullmatch(value)
        if operator == "==" and several:
            self._expect["status"] = [int(one) for one in several[1].split(",") if one.strip().isdigit()]
        elif operator == "==" and value.isdigit():
            self._expect["status"] = int(value)
        elif (operator, value) in below:
            self._expect["status"] = below[operator, value]
        else:
            return False
        return True

    def _body(self, path: str, value: str) -> bool:
        pattern = _PATTERN.fullmatch(value)
        if not path:
            if pattern:
                self._expect.setdefault("text", []).append(pattern[1])
            elif "(" not in value:
                self._expect.setdefault("regex", []).append(f"^{re.escape(value)}$")
            return bool(pattern) or "(" not in value
        if "(" in value:
            return False
        wanted = plain(load(value, "condition")) if re.fullmatch(r"-?\d+(\.\d+)?|true|false", value) else value
        self._expect.setdefault("json", {})[f"${path}"] = wanted
        return True

    def _duration(self, value: Any) -> str | None:
        """A duration of Go in ours."""
        if value is None:
            return None
        try:
            return format_duration(parse_duration(str(value)))
        except ValueError:
            self._lose(f"the duration {value!r}", "is not written as Prometheus does")
            return None

    def _lose(self, what: str, why: str) -> None:
        self._carried.lose(f"{self._name}, {what}", why)
