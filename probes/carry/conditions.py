"""The conditions of one Gatus endpoint: what each comes to in our words, and which have none."""

import operator
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import dns.exception
import dns.rcode

from probes.carry import Words
from probes.carry.duration import go_seconds
from probes.net.reply import parse_record
from probes.pattern import json_path
from probes.units import format_duration

_CONDITION = re.compile(r"\s*\[([A-Za-z_]+)\](\S*)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*")
_HAS_NOT = re.compile(r"\s*has\(\[BODY\](\S+)\)\s*(?:==\s*false|!=\s*true)\s*")
_FUNCTION = re.compile(r"(any|pat)\((.*)\)", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EVERY_STATUS = frozenset(range(100, 600))
_MOST_LISTED = 20
#: What each kind of endpoint has a word for. A condition that Gatus would take elsewhere as well is none of ours there.
_WORDS = {
    "http": {"CONNECTED", "STATUS", "RESPONSE_TIME", "BODY", "DOMAIN_EXPIRATION"},
    "https": {"CONNECTED", "STATUS", "RESPONSE_TIME", "BODY", "DOMAIN_EXPIRATION", "CERTIFICATE_EXPIRATION"},
    "tls": {"CONNECTED", "DOMAIN_EXPIRATION", "CERTIFICATE_EXPIRATION"},
    "tcp": {"CONNECTED", "DOMAIN_EXPIRATION"},
    "icmp": {"CONNECTED", "RESPONSE_TIME", "DOMAIN_EXPIRATION"},
    "websocket": {"CONNECTED", "RESPONSE_TIME", "BODY", "DOMAIN_EXPIRATION"},
    "dns": {"CONNECTED", "RESPONSE_TIME", "BODY", "DNS_RCODE"},
}
#: Records whose text is what Gatus compares with. Of MX and SRV it sees the host alone, and of TXT nothing.
_COMPARED_WHOLE = ("A", "AAAA", "CNAME", "NS", "PTR")


class Conditions:
    """What `conditions` come to: words of `expect`, and how long a `certificate` and a `domain` must hold, in seconds.

    `kind` is a key of the table above, `record` the type that a dns endpoint asks for. `lost` are the conditions that
    have no word.
    """

    def __init__(self, conditions: list[str], kind: str, record: str = "A") -> None:
        self.expect: Words = {}
        self.certificate: float | None = None
        self.domain: float | None = None
        self._kind, self._record, self._statuses = kind, record, _EVERY_STATUS
        self._told = {match[1].upper() for text in conditions if (match := _CONDITION.fullmatch(text))}
        self.lost = [text for text in conditions if not self._takes(text)]
        if conditions and kind.startswith("http"):
            self._settle_status(conditions)

    @property
    def any_code(self) -> bool:
        """Whether Gatus would take any DNS answer, also that there is no such name."""
        return not self._told & {"DNS_RCODE", "BODY"}

    def _takes(self, condition: str) -> bool:
        """Whether a condition could be carried."""
        absent = _HAS_NOT.fullmatch(condition)
        if absent and self._kind.startswith("http"):
            return self._json(absent[1], None)
        match = _CONDITION.fullmatch(condition)
        if match is None or match[1].upper() not in _WORDS[self._kind]:
            return False
        what, path, compared, value = match[1].upper(), match[2], match[3], match[4]
        if what == "BODY":
            return self._body(path, compared, value)
        takes = {
            "CONNECTED": lambda: (compared, value) in (("==", "true"), ("!=", "false")),
            "STATUS": lambda: self._status(compared, value),
            "RESPONSE_TIME": lambda: self._within(compared, value),
            "CERTIFICATE_EXPIRATION": lambda: self._valid_for("certificate", compared, value),
            "DOMAIN_EXPIRATION": lambda: self._valid_for("domain", compared, value),
            "DNS_RCODE": lambda: self._code(compared, value),
        }
        return not path and bool(takes[what]())

    def _status(self, compared: str, value: str) -> bool:
        function = _FUNCTION.fullmatch(value)
        if function and compared in ("==", "!="):
            fitting = {status for status in _EVERY_STATUS if _fits(str(status), *function.groups())}
            fitting = fitting if compared == "==" else set(_EVERY_STATUS - fitting)
        elif value.isdigit():
            fitting = {status for status in _EVERY_STATUS if _COMPARE[compared](status, int(value))}
        else:
            return False
        if not self._statuses & fitting:
            return False
        self._statuses = self._statuses & fitting
        return True

    def _settle_status(self, conditions: list[str]) -> None:
        """Once all conditions are known. Where Gatus is told of no status, it minds none."""
        told = [text for text in conditions if "[STATUS]" in text.upper()]
        words = _status_words(self._statuses)
        if words is None:
            self.lost += [text for text in told if text not in self.lost]
        elif not told or any(text not in self.lost for text in told):
            self.expect["status"] = words

    def _within(self, compared: str, value: str) -> bool:
        seconds = go_seconds(value)
        if compared not in ("<", "<=") or seconds is None or "within" in self.expect:
            return False
        self.expect["within"] = format_duration(seconds)
        return True

    def _valid_for(self, whose: str, compared: str, value: str) -> bool:
        seconds = go_seconds(value)
        if compared not in (">", ">=") or seconds is None:
            return False
        setattr(self, whose, max(seconds, getattr(self, whose) or 0.0))
        return True

    def _code(self, compared: str, value: str) -> bool:
        try:
            dns.rcode.from_text(value)
        except dns.exception.DNSException:
            return False
        if compared != "==" or "code" in self.expect:
            return False
        self.expect["code"] = value
        return True

    def _body(self, path: str, compared: str, value: str) -> bool:
        if self._kind == "dns":
            return not path and compared == "==" and self._record_is(value)
        if path:
            wanted = compared == "==" and value != "null" and not _FUNCTION.fullmatch(value)
            return wanted and self._kind != "websocket" and self._json(path, _scalar(value))
        if compared not in ("==", "!="):
            return False
        pattern = _pattern(value)
        if self._kind == "websocket":
            if pattern is None or compared == "!=" or "message" in self.expect:
                return False
            self.expect["message"] = pattern
            return True
        return pattern is not None and self._text(pattern, value, compared == "==")

    def _text(self, pattern: str, value: str, wanted: bool) -> bool:
        part = re.fullmatch(r"pat\(\*([^*?]+)\*\)", value)
        if part:
            self.expect.setdefault("text" if wanted else "absent", []).append(part[1])
        else:
            self.expect.setdefault("regex" if wanted else "absent_regex", []).append(pattern)
        return True

    def _json(self, path: str, wanted: Any) -> bool:
        """`[*]` is every element to Gatus, and any of them to us."""
        known = self.expect.get("json", {})
        try:
            json_path(f"${path}")
        except ValueError:
            return False
        if "[*]" in path or known.get(f"${path}", wanted) != wanted:
            return False
        self.expect["json"] = known | {f"${path}": wanted}
        return True

    def _record_is(self, value: str) -> bool:
        if value == "pat(*)" or (value, self._record) == ("pat(*.*.*.*)", "A"):
            return True  # any address at all: a dns probe wants one unless told
        if self._record not in _COMPARED_WHOLE or "(" in value:
            return False
        try:
            parse_record(self._record, value)
        except ValueError:
            return False
        self.expect.setdefault("records", []).append(value)
        return True


def _fits(text: str, function: str, inner: str) -> bool:
    if function == "pat":
        return fnmatchcase(text, inner)
    return text in [one.strip() for one in inner.split(",")]


def _status_words(statuses: frozenset[int]) -> Any:
    """As `expect` writes them; None for what would be too long a list, or is none."""
    words: list[Any] = []
    for hundred in range(100, 600, 100):
        within = [status for status in range(hundred, hundred + 100) if status in statuses]
        words += [f"{hundred // 100}xx"] if len(within) == 100 else within
    if not words or len(words) > _MOST_LISTED:
        return None
    return words[0] if len(words) == 1 else words


def _pattern(value: str) -> str | None:
    """The whole text that a value stands for, as a regular expression; None where it has none."""
    function = _FUNCTION.fullmatch(value)
    if function is None:
        return f"^{re.escape(value)}$"
    if function[1] == "any":
        return f"^(?:{'|'.join(re.escape(one.strip()) for one in function[2].split(','))})$"
    if set(function[2]) & {"[", "\\"}:
        return None
    return "(?s)^" + "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in function[2]) + "$"


def _scalar(value: str) -> Any:
    if re.fullmatch(r"-?(0|[1-9]\d{0,14})", value, re.ASCII):
        return int(value)
    return {"true": True, "false": False}.get(value, value)
