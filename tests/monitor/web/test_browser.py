"""The operators' page as a person meets it: in a browser, on a phone at night, while things break."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.monitor.test_service import config
from tests.service import Service, service
from tests.site import Site, site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
PHONE = {"width": 360, "height": 740}
PATIENCE = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site() as page:
        yield page


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, broken: Site) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("shop")
    with service(folder, config(folder, broken)) as running:
        yield running


@pytest.fixture
def page(browser: Browser, shop: Service) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, color_scheme="dark")
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(shop.url)
    yield page
    context.close()
    assert errors == []


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"))


def test_an_incident_appears_is_taken_and_goes_by_itself(page, broken):
    expect(page.get_by_text("all well")).to_be_visible(timeout=PATIENCE)
    broken.status = 500
    broken.body = "<p>" + "x" * 500 + "</p>"
    card = page.locator("article.incident")
    expect(card).to_contain_text("home is broken", timeout=PATIENCE)
    expect(card).to_contain_text("500")
    card.get_by_text("Evidence", exact=True).click()
    expect(card.locator("table.steps")).to_be_visible()
    assert fits(page), "something is wider than a phone"
    page.once("dialog", lambda dialog: dialog.accept("mei"))
    card.get_by_role("button", name="Ack").click()
    expect(card).to_contain_text("taken by mei", timeout=PATIENCE)
    expect(card.locator("table.steps")).to_be_visible()  # what was opened stays open over updates
    broken.status, broken.body = 200, "<p>Add to cart</p>"
    expect(card).to_have_count(0, timeout=PATIENCE)
    expect(page.get_by_text("all well")).to_be_visible(timeout=PATIENCE)


def test_the_runbook_opens(page, broken):
    broken.status = 500
    try:
        link = page.get_by_role("link", name="Runbook", exact=True)
        expect(link).to_be_visible(timeout=PATIENCE)
        link.click()
        expect(page.get_by_role("heading", name="Diagnosis")).to_be_visible()
        assert fits(page)
    finally:
        broken.status = 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_in_dark(browser, shop, scheme):
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(shop.url)
    colours = page.evaluate("""() => [...document.querySelectorAll('#live *')]
        .filter((element) => element.childNodes.length && element.textContent.trim() && element.tagName !== 'SVG')
        .map((element) => [getComputedStyle(element).color, ground(element)]);
        function ground(element) {
          for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (colour !== 'rgba(0, 0, 0, 0)') return colour;
          }
          return 'rgb(255, 255, 255)';
        }""")
    context.close()
    assert colours
    assert min(contrast(ink, ground) for ink, ground in colours) >= 4.5  # WCAG 2.2, 1.4.3 (AA)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two CSS colours."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    red, green, blue = (int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_page_that_hears_nothing_says_so(browser, tmp_path):
    with site() as target, service(tmp_path, config(tmp_path, target)) as shop:
        context = browser.new_context(viewport=PHONE)
        page = context.new_page()
        page.goto(shop.url)
        expect(page.locator("#lost")).to_be_hidden()
        shop.kill()
        expect(page.locator("#lost")).to_contain_text("No word from Shopwatch", timeout=PATIENCE)
        context.close()


def test_who_has_an_incident_can_say_that_it_is_over(browser, tmp_path):
    with site() as target, service(tmp_path, config(tmp_path, target)) as shop:
        context = browser.new_context(viewport=PHONE)
        page = context.new_page()
        page.goto(shop.url)
        target.status = 500
        card = page.locator("article.incident")
        expect(card).to_contain_text("home is broken", timeout=PATIENCE)
        button = card.get_by_role("button", name="Resolve")
        expect(button).to_have_count(0)
        page.once("dialog", lambda dialog: dialog.accept("mei"))
        card.get_by_role("button", name="Ack").click()
        expect(button).to_be_visible(timeout=PATIENCE)
        assert fits(page)
        asked: list[str] = []
        page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
        button.click()
        page.reload()
        expect(card).to_contain_text("taken by mei")
        page.once("dialog", lambda dialog: dialog.accept())
        button.click()
        expect(card).to_have_count(0, timeout=PATIENCE)  # though it still fires: a person is believed for a while
        [known] = shop.client.get("/api/v1/incidents", params={"all": "true"}).json()["incidents"]
        context.close()
    assert (known["state"], known["resolved_by"]) == ("resolved", "mei")
    assert asked[0].startswith("Is it over?")
