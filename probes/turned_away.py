"""Tells a shop that is broken from a guard that turned the probe away: a rate limiter, a firewall, a challenge page."""

from probes.page import Page

#: Statuses with which guards answer. A 200 with a captcha on it is judged by what the page was expected to hold.
_GUARDED = (202, 401, 403, 405, 406, 429, 503)
#: A header that only a guard's refusal has: name, what its value must contain, who says so.
_HEADERS = (
    ("cf-mitigated", "challenge", "Cloudflare's challenge"),
    ("x-amzn-waf-action", "", "AWS WAF"),
    ("x-sucuri-block", "", "Sucuri's firewall"),
    ("x-datadome", "", "DataDome"),
    ("x-vercel-mitigated", "", "Vercel's firewall"),
)
#: Words that stand on a guard's page and on hardly any other, in its first part.
_WORDS = (
    ("window._cf_chl_opt", "Cloudflare's challenge"),
    ("<title>Attention Required! | Cloudflare</title>", "Cloudflare's firewall"),
    ("Incapsula incident ID", "Imperva's firewall"),
    ("_Incapsula_Resource", "Imperva's firewall"),
    ("errors.edgesuite.net", "Akamai's firewall"),
    ("window._pxAppId", "HUMAN's (PerimeterX) challenge"),
    ("geo.captcha-delivery.com", "DataDome's challenge"),
    ("AwsWafIntegration", "AWS WAF's challenge"),
    ("Sucuri WebSite Firewall", "Sucuri's firewall"),
    ("The requested URL was rejected. Please consult with your administrator.", "F5's firewall"),
)
_LOOKED_AT = 64 * 1024


def turned_away(page: Page) -> str:
    """Who turned the probe away, as half a sentence; empty when this is the shop's own answer.

    Conservative on purpose, as a blocked probe wakes nobody: a plain 403 or 503 counts as the shop's own. 429 (RFC
    6585) always means that we ask too often. Only asked once an expectation has failed.
    """
    if page.status == 429:
        wait = page.header("retry-after")
        return "a rate limiter answered 429 Too Many Requests" + (f" (Retry-After: {wait[:40]})" if wait else "")
    if page.status not in _GUARDED:
        return ""
    for name, part, who in _HEADERS:
        value = page.header(name)
        if value is not None and part in value.lower():
            return f"{who} turned the probe away with {page.status} (header {name})"
    start = page.body[:_LOOKED_AT].decode("utf-8", "replace")
    for words, who in _WORDS:
        if words in start:
            return f"{who} turned the probe away with {page.status}"
    return ""
