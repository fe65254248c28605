"""One endpoint of Gatus on its way to be a probe of ours, and one for its certificate or its domain where it asks."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from probes.blackbox.target import credentials_of
from probes.carry import Carried, Words
from probes.carry.conditions import Conditions
from probes.carry.credentials import headers_without_credentials, variable_of
from probes.carry.duration import go_seconds
from probes.net.address import Address, is_ip
from probes.units import format_duration

#: What Gatus takes where nobody says.
_EVERY, _TIMEOUT = 60.0, 10.0
_KINDS = {
    "http": "http",
    "https": "https",
    "tcp": "tcp",
    "tls": "tls",
    "starttls": "tls",
    "icmp": "icmp",
    "ws": "websocket",
    "wss": "websocket",
}
#: Gatus speaks as to a mail server at every port; at these it would never have succeeded.
_STARTTLS = {143: "imap", 110: "pop3", 21: "ftp"}
_UNSEEN = {
    "ssh": 'is looked at by ssh, for which there is no probe; one of type tcp with dialogue: [{expect: "^SSH-"}] sees '
    "whether it greets, and a heartbeat hears from a command that runs there",
    "udp": "is looked at by UDP, for which there is no probe but dns",
    "redis": "is not carried over; write a probe of type redis",
}
#: What is carried, and for which kinds; everything else in an endpoint is told as lost.
_KNOWN = {"name", "group", "enabled", "url", "dns", "interval", "conditions", "client", "extra-labels"}
_ASKING = {"method", "body", "headers", "graphql"}
_CARRIED = {"http": _ASKING, "https": _ASKING, "websocket": {"body", "headers"}}
_CLIENT = {
    "http": {"ignore-redirect", "proxy-url"},
    "https": {"ignore-redirect", "proxy-url"},
    "icmp": {"network"},
}
_WHY = {
    "alerts": "has no word in a probe; alerting is done by rules and routes",
    "maintenance-windows": "has no word in a probe; see maintenance in config.example.yaml",
    "ui": "has no word in a probe; it is about the page of Gatus",
    "ssh": "has no word in a probe; we do not sign in by ssh",
}


def is_true(text: Any) -> bool:
    """Whether Gatus reads this as true, in either of YAML's versions."""
    return str(text).lower() in ("true", "yes", "on", "y")


def full_name(words: Words) -> str:
    """The endpoint's name with its group's before it."""
    return " ".join(str(words[key]) for key in ("group", "name") if words.get(key)) or "endpoint"


class Endpoint:
    """One endpoint on its way."""

    def __init__(self, carried: Carried, words: Words) -> None:
        self._carried, self._words, self._name = carried, words, full_name(words)
        self._url = str(words.get("url") or "")
        self._scheme, _, self._target = self._url.partition("://")
        self._dns: Words = self._mapping("dns")
        self._client: Words = self._mapping("client")
        self._tls = {"verify": False} if is_true(self._client.get("insecure")) else None

    def carry(self) -> None:
        """Write its probes, and what of it has no word in them."""
        kind = "dns" if self._dns else _KINDS.get(self._scheme)
        if "enabled" in self._words and not is_true(self._words["enabled"]):
            self._lose("the endpoint", "is not enabled")
            return
        if kind is None:
            self._lose(self._url, _UNSEEN.get(self._scheme, "cannot be looked at by any of our probes"))
            return
        for word in sorted(set(self._words) - _KNOWN - _CARRIED.get(kind, set())):
            self._lose(word, _WHY.get(word, "has no word in such a probe"))
        record = str(self._dns.get("query-type", "A")).upper()
        listed = self._words.get("conditions") or []
        conditions = Conditions([str(one) for one in (listed if isinstance(listed, list) else [listed])], kind, record)
        for condition in conditions.lost:
            self._lose(f"the condition {condition!r}", "has no word in `expect`")
        self._carried.add(self._name, self._probe(kind, conditions) | self._common(kind))
        if conditions.certificate and kind == "https":
            self._add_certificate(format_duration(conditions.certificate))
        if conditions.domain:
            self._add_domain(format_duration(conditions.domain))

    def _common(self, kind: str) -> Words:
        every = self._seconds("interval", self._words.get("interval"), _EVERY)
        timeout = self._seconds("client.timeout", self._client.get("timeout"), _TIMEOUT)
        labels = {str(key): str(value) for key, value in self._mapping("extra-labels").items()}
        family = str(self._client.get("network") or "ip")
        known = {"insecure", "timeout"} | _CLIENT.get(kind, set())
        for word in sorted(set(self._client) - known):
            self._lose(f"client.{word}", "has no word in such a probe, or one of its own; see config.example.yaml")
        return {
            "ip": int(family[-1]) if kind == "icmp" and family in ("ip4", "ip6") else None,
            "every": format_duration(every),
            "timeout": format_duration(min(timeout, every)),
            "labels": labels,
        }

    def _probe(self, kind: str, conditions: Conditions) -> Words:
        expect = conditions.expect
        if kind == "dns":
            return self._name_server(conditions)
        if kind == "websocket":
            expect = {"message": "(?s).*"} | expect  # Gatus waits for one, whatever it says
            words = {"url": self._url, "headers": self._headers(), "send": self._words.get("body"), "tls": self._tls}
            return {"type": kind, **words, "expect": expect}
        if kind == "tcp":
            return {"type": kind, "address": self._target}
        if kind == "icmp":
            return {"type": kind, "host": self._target, "expect": expect}
        if kind == "tls":
            starttls = _STARTTLS.get(_host_and_port(self._url)[1], "smtp") if self._scheme == "starttls" else None
            valid = {"valid_for": format_duration(conditions.certificate)} if conditions.certificate else None
            return {"type": kind, "address": self._target, "starttls": starttls, "tls": self._tls, "expect": valid}
        credentials, url = credentials_of(self._url)
        return {
            "type": "http",
            "url": url,
            "method": self._words.get("method"),
            **self._asked(),
            "redirects": 0 if is_true(self._client.get("ignore-redirect")) else None,
            "auth": self._auth(credentials),
            "proxy": self._proxy(),
            "tls": self._tls,
            "expect": expect,
        }

    def _asked(self) -> Words:
        """Headers and body; Gatus fills in a few words there, and wraps a query of GraphQL."""
        headers, body = self._headers(), str(self._words.get("body") or "")
        for word in ("name", "group", "url"):
            body = body.replace(f"[ENDPOINT_{word.upper()}]", str(self._words.get(word) or ""))
        if re.search(r"\[RANDOM_STRING_\d+\]", body):
            self._lose("body", "has a random string, for which there is no word; it is sent as it is written")
        if is_true(self._words.get("graphql", "false")):
            body = json.dumps({"query": body})
            if "content-type" not in (name.lower() for name in headers):
                headers = headers | {"Content-Type": "application/json"}
        return {"headers": headers, "body": body or None}

    def _headers(self) -> dict[str, str]:
        headers = {str(name): str(value or "") for name, value in self._mapping("headers").items()}
        return headers_without_credentials(self._carried, self._name, self._name, headers)

    def _auth(self, credentials: tuple[str, ...]) -> Words | None:
        if not credentials:
            return None
        variable = variable_of(self._name, "password")
        self._lose("its password", f"is a secret; set the variable {variable}, or write password_file")
        return {"basic": {"user": credentials[0], "password": f"${{{variable}}}"}}

    def _proxy(self) -> Words | None:
        proxy = self._client.get("proxy-url")
        if proxy and "@" in str(proxy):
            self._lose("client.proxy-url", "holds a password, which is not copied; write proxy: {url, user, password}")
            return None
        return {"url": str(proxy)} if proxy else None

    def _name_server(self, conditions: Conditions) -> Words:
        if conditions.any_code:
            self._lose("that any DNS answer is fine", "NOERROR is expected, with a record; write expect: {code: …}")
        return {
            "type": "dns",
            "query": self._dns.get("query-name"),
            "record": self._dns.get("query-type"),
            "server": self._url.removeprefix("dns://"),
            "expect": conditions.expect,
        }

    def _add_certificate(self, valid_for: str) -> None:
        host, port = _host_and_port(self._url)
        words: Words = {"type": "tls", "address": str(Address(host, port or 443)), "tls": self._tls}
        self._carried.add(f"{self._name} certificate", words | {"every": "1h", "expect": {"valid_for": valid_for}})

    def _add_domain(self, valid_for: str) -> None:
        host = _host_and_port(self._url)[0].removeprefix("www.")
        if is_ip(host) or "." not in host:
            self._lose("[DOMAIN_EXPIRATION]", f"{host or self._url} is no domain that is registered")
            return
        if host.count(".") > 1:
            self._lose(f"that {host} was registered", "which is not known here; write the registered name as `domain`")
        words = {"type": "domain", "domain": host, "every": "12h", "expect": {"valid_for": valid_for}}
        self._carried.add(f"{self._name} domain", words)

    def _mapping(self, word: str) -> Words:
        value = self._words.get(word)
        if value is not None and not isinstance(value, dict):
            self._lose(word, f"is {value!r}, and Gatus has a mapping there")
        return dict(value) if isinstance(value, dict) else {}

    def _seconds(self, word: str, written: Any, default: float) -> float:
        if written is None:
            return default
        seconds = go_seconds(str(written)) if not str(written).isdigit() else None
        if seconds is None:
            self._lose(f"the {word} {written!r}", f"is no duration such as 30s; {format_duration(default)} is taken")
        return seconds or default

    def _lose(self, what: str, why: str) -> None:
        self._carried.lose(f"{self._name}, {what}", why)


def _host_and_port(url: str) -> tuple[str, int]:
    """Nothing and 0 for what a URL lacks, or for what is none: the probe's own settings then say what is wrong."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or 0
    except ValueError:
        return "", 0
