"""Guards are recognised by what only they send; the shop's own refusals are the shop's."""

import pytest

from probes.page import Page
from probes.turned_away import turned_away


@pytest.mark.parametrize(
    ("status", "headers", "body", "who"),
    [
        (429, [], b"", "a rate limiter answered 429 Too Many Requests"),
        (403, [(b"cf-mitigated", b"challenge")], b"", "Cloudflare's challenge, 403 (header cf-mitigated)"),
        (405, [(b"x-amzn-waf-action", b"captcha")], b"", "AWS WAF, 405 (header x-amzn-waf-action)"),
        (503, [], b"<script>window._cf_chl_opt={}", "Cloudflare's challenge, 503"),
        (403, [], b"<title>Attention Required! | Cloudflare</title>", "Cloudflare's firewall, 403"),
        (403, [], b"https://errors.edgesuite.net/18.1", "Akamai's firewall, 403"),
        (403, [], b"plain", ""),
        (401, [(b"server", b"cloudflare")], b"", ""),
        (503, [(b"retry-after", b"120")], b"Down for maintenance", ""),
        (500, [(b"x-datadome", b"1")], b"Incapsula incident ID", ""),
        (200, [], b"window._cf_chl_opt", ""),
    ],
)
def test_who_turned_us_away(status: int, headers: list[tuple[bytes, bytes]], body: bytes, who: str) -> None:
    sentence = who.replace(", ", " turned the probe away with ")
    assert turned_away(Page(status, headers, body, "http://shop.example/")) == sentence
