"""Gatus' conditions: each becomes a word that means the same, or is said to have none."""

from typing import Any

import pytest

from probes.carry.conditions import Conditions
from probes.carry.duration import go_seconds

ANY_STATUS = ["1xx", "2xx", "3xx", "4xx", "5xx"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1m30s", 90), ("1.5h", 5400), ("300", 0.3), ("720h", 2_592_000), ("7d", 604_800)],
)
def test_durations_of_go(text: str, seconds: float) -> None:
    assert go_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5s", "5", "soon", "1h ", "1y", "٣s"])
def test_no_durations_of_go(text: str) -> None:
    assert go_seconds(text) == (0.005 if text == "5" else None)


@pytest.mark.parametrize(
    ("conditions", "expect"),
    [
        (["[STATUS] == 200"], {"status": 200}),
        (["[status] == 200"], {"status": 200}),
        (["[STATUS] < 300"], {"status": ["1xx", "2xx"]}),
        (["[STATUS] >= 200", "[STATUS] <= 299"], {"status": "2xx"}),
        (["[STATUS] == any(200, 429)"], {"status": [200, 429]}),
        (["[STATUS] == pat(2*)"], {"status": "2xx"}),
        (["[STATUS] != any(404)", "[STATUS] > 399", "[STATUS] < 406"], {"status": [400, 401, 402, 403, 405]}),
        (["[RESPONSE_TIME] < 300"], {"status": ANY_STATUS, "within": "300ms"}),
        (["[RESPONSE_TIME] <= 1.5s"], {"status": ANY_STATUS, "within": "1s500ms"}),
        (["[CONNECTED] == true"], {"status": ANY_STATUS}),
        (["[BODY] == ok."], {"status": ANY_STATUS, "regex": [r"^ok\.$"]}),
        (["[BODY] != broken"], {"status": ANY_STATUS, "absent_regex": ["^broken$"]}),
        (["[BODY] == pat(*cart*)"], {"status": ANY_STATUS, "text": ["cart"]}),
        (["[BODY] != pat(*error*)"], {"status": ANY_STATUS, "absent": ["error"]}),
        (["[BODY] == pat(<html*</html>)"], {"status": ANY_STATUS, "regex": ["(?s)^<html.*</html>$"]}),
        (["[BODY] == any(up, fine)"], {"status": ANY_STATUS, "regex": ["^(?:up|fine)$"]}),
        (["[BODY].a[0].b == 3"], {"status": ANY_STATUS, "json": {"$.a[0].b": 3}}),
        (["[BODY][0].ok == true"], {"status": ANY_STATUS, "json": {"$[0].ok": True}}),
        (["has([BODY].errors) == false"], {"status": ANY_STATUS, "json": {"$.errors": None}}),
    ],
)
def test_of_a_page(conditions: list[str], expect: dict[str, Any]) -> None:
    carried = Conditions(conditions, "https")
    assert (carried.expect, carried.lost) == (expect, [])


@pytest.mark.parametrize("kind", ["http", "https", "tcp", "tls", "icmp", "dns", "websocket"])
@pytest.mark.parametrize(
    "condition",
    [
        "len([BODY].items) > 2",
        "len([BODY]) == 3",
        "has([BODY].items) == true",
        "200 == [STATUS]",
        "[STATUS] == any(a, b)",
        "[STATUS] != 500",
        "[STATUS] == 999",
        "[BODY].a > 3",
        "[BODY].a == any(1, 2)",
        "[BODY].a == pat(x*)",
        "[BODY].a != 3",
        "[BODY].a == null",
        "[BODY].items[*].ok == true",
        "[BODY].a-b[ == 1",
        "[BODY] == pat([ab]*)",
        "[BODY] > 3",
        "[CONNECTED] == false",
        "[CERTIFICATE_EXPIRATION] < 48h",
        "[CERTIFICATE_EXPIRATION] > soon",
        "[DOMAIN_EXPIRATION] > 0",
        "[RESPONSE_TIME] > 300",
        "[RESPONSE_TIME] < soon",
        "[IP] == 192.0.2.1",
        "[DNS_RCODE] != NOERROR",
        "[DNS_RCODE] == any(NOERROR, NXDOMAIN)",
        "[DNS_RCODE] == NONE",
        "[CONTEXT].id == 1",
        "nonsense",
    ],
)
def test_no_word_is_said(kind: str, condition: str) -> None:
    assert Conditions([condition], kind).lost == [condition]


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("tcp", "[RESPONSE_TIME] < 300"),
        ("tcp", "[BODY] == pong"),
        ("tcp", "[CERTIFICATE_EXPIRATION] > 48h"),
        ("tls", "[RESPONSE_TIME] < 300"),
        ("tls", "[BODY] == pong"),
        ("icmp", "[STATUS] == 200"),
        ("http", "[CERTIFICATE_EXPIRATION] > 48h"),
        ("http", "[DNS_RCODE] == NOERROR"),
        ("websocket", "[BODY].a == 3"),
        ("websocket", "[BODY] != pong"),
        ("dns", "[STATUS] == 200"),
        ("dns", "[DOMAIN_EXPIRATION] > 720h"),
    ],
)
def test_a_kind_without_that_word(kind: str, condition: str) -> None:
    carried = Conditions([condition], kind)
    assert carried.lost == [condition]
    assert carried.certificate is carried.domain is None


def test_what_contradicts_itself_is_said() -> None:
    conditions = ["[BODY].a == 1", "[BODY].a == 2", "[STATUS] == 200", "[STATUS] == 204", "[RESPONSE_TIME] < 300"]
    carried = Conditions([*conditions, "[RESPONSE_TIME] < 200"], "http")
    assert carried.lost == ["[BODY].a == 2", "[STATUS] == 204", "[RESPONSE_TIME] < 200"]


@pytest.mark.parametrize(
    ("record", "conditions", "expect", "lost"),
    [
        ("A", ["[BODY] == 93.184.215.14"], {"records": ["93.184.215.14"]}, []),
        ("AAAA", ["[BODY] == 2001:db8::1"], {"records": ["2001:db8::1"]}, []),
        ("NS", ["[BODY] == ns1.example.com."], {"records": ["ns1.example.com."]}, []),
        ("A", ["[BODY] == pat(*.*.*.*)", "[DNS_RCODE] == NOERROR"], {"code": "NOERROR"}, []),
        ("A", ["[BODY] == pat(*.example.com)"], {}, ["[BODY] == pat(*.example.com)"]),
        ("A", ["[BODY] == any(192.0.2.1, 192.0.2.2)"], {}, ["[BODY] == any(192.0.2.1, 192.0.2.2)"]),
        ("A", ["[BODY] == www.example.com"], {}, ["[BODY] == www.example.com"]),
        ("A", ["[BODY] != 192.0.2.1"], {}, ["[BODY] != 192.0.2.1"]),
        ("MX", ["[BODY] == mail.example.com."], {}, ["[BODY] == mail.example.com."]),
        ("A", ["[DNS_RCODE] == NXDOMAIN", "[RESPONSE_TIME] < 50"], {"code": "NXDOMAIN", "within": "50ms"}, []),
    ],
)
def test_of_a_name_server(record: str, conditions: list[str], expect: dict[str, Any], lost: list[str]) -> None:
    carried = Conditions(conditions, "dns", record)
    assert (carried.expect, carried.lost, carried.any_code) == (expect, lost, False)
    assert Conditions(["[CONNECTED] == true"], "dns", record).any_code
