"""Takes the README's pictures anew: `make pictures`.

The page is a screenshot of the demo with a declined payment. The dashboard is drawn from its committed JSON and the
demo's own numbers (its query API speaks Prometheus); Grafana draws the same panels.
"""

import html
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser

from monitor.demo.run import admin_key, config_path, open_demo
from tests.browser import chromium
from tests.servers import until
from tests.service import Service

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SPAN, STEP = 360, 3
COLOURS = ["#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#96d98d"]
STYLE = """
body { background: #111217; color: #ccccdc; font: 13px system-ui, sans-serif; margin: 12px; width: 1240px; }
.grid { position: relative; } h1 { font-size: 18px; font-weight: 500; }
.panel { position: absolute; background: #181b1f; border: 1px solid #2a2e35; border-radius: 3px; overflow: hidden; }
.panel h2 { font-size: 13px; font-weight: 500; margin: 6px 8px 0; white-space: nowrap; }
.row { position: absolute; font-weight: 500; padding-top: 6px; } svg { display: block; }
.legend { font-size: 11px; margin: 0 8px; height: 30px; overflow: hidden; } .legend i { font-style: normal; }
.stats { display: flex; flex-wrap: wrap; height: calc(100% - 26px); }
.stat { flex: 1 0 60px; margin: 2px; padding: 4px 8px; color: #fff; }
.stat b { display: block; font-size: 19px; font-weight: 500; } .stat span { font-size: 11px; opacity: .9; }
"""


def ask(client: httpx.Client, expr: str, now: float) -> list[dict[str, Any]]:
    for name, value in {"$probe": ".*", "$location": ".*", "$rate_interval": "30s", "$__range": "6m"}.items():
        expr = expr.replace(name.replace("$rate", "$__rate"), value)
    params = {"query": expr, "start": str(now - SPAN), "end": str(now), "step": str(STEP)}
    answer = client.get("/api/v1/query_range", params=params).json()
    return list(answer["data"]["result"])


def legend(series: dict[str, Any], form: str) -> str:
    text = form
    for name, value in series["metric"].items():
        text = text.replace("{{" + name + "}}", value)
    return html.escape(text or "value")


def unit(value: float, name: str) -> str:
    if name == "percentunit":
        return f"{value:.2%}"
    if name == "s":
        return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"
    return f"{value:.3g}"


def colour(value: float, steps: list[dict[str, Any]]) -> str:
    shades = {"green": "#37872d", "yellow": "#b58900", "red": "#c4162a"}
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return shades[reached[-1]]


def stats(panel: dict[str, Any], found: list[tuple[str, dict[str, Any]]]) -> str:
    field = panel["fieldConfig"]["defaults"]
    words = {key: option["text"] for mapping in field["mappings"] for key, option in mapping["options"].items()}
    boxes = []
    for name, series in found:
        value = float(series["values"][-1][1])
        text = words.get(f"{value:g}", unit(value, field["unit"]))
        shade = colour(value, field["thresholds"]["steps"])
        boxes.append(
            f'<div class="stat" style="background:{shade}"><b>{html.escape(text)}</b><span>{name}</span></div>'
        )
    return f'<div class="stats">{"".join(boxes)}</div>'


def bands(panel: dict[str, Any], found: list[tuple[str, dict[str, Any]]], width: int, height: int, now: float) -> str:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    tall = height / max(1, len(found))
    parts = []
    for index, (name, series) in enumerate(found):
        for at, value in series["values"]:
            x = 110 + (at - now + SPAN) / SPAN * (width - 120)
            parts.append(
                f'<rect x="{x:.1f}" y="{index * tall + 3:.1f}" width="{(width - 120) * STEP / SPAN + 0.7:.1f}" '
                f'height="{tall - 6:.1f}" fill="{colour(float(value), steps)}"/>'
            )
        parts.append(f'<text x="6" y="{(index + 0.6) * tall:.1f}" fill="#ccccdc" font-size="11">{name}</text>')
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def lines(panel: dict[str, Any], found: list[tuple[str, dict[str, Any]]], width: int, height: int, now: float) -> str:
    name = panel["fieldConfig"]["defaults"]["unit"]
    values = [float(value) for _, series in found for _, value in series["values"] if value != "NaN"]
    top, plot = max(values, default=1.0) or 1.0, height - 34
    parts = [f'<text x="4" y="12" fill="#8e8e9e" font-size="10">{html.escape(unit(top, name))}</text>']
    keys = []
    for index, (key, series) in enumerate(found):
        shade = COLOURS[index % len(COLOURS)]
        points = " ".join(
            f"{50 + (at - now + SPAN) / SPAN * (width - 60):.1f},{plot - float(value) / top * (plot - 8):.1f}"
            for at, value in series["values"]
            if value != "NaN"
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{shade}" stroke-width="1.2"/>')
        keys.append(f'<i style="color:{shade}">━</i> {key} ')
    return f'<svg width="{width}" height="{plot}">{"".join(parts)}</svg><div class="legend">{"".join(keys)}</div>'


def draw(client: httpx.Client, board: dict[str, Any], now: float) -> str:
    parts, bottom = [], 0
    for panel in board["panels"]:
        place = panel["gridPos"]
        x, y, width, height = place["x"] * 51.5, place["y"] * 26, place["w"] * 51.5 - 6, place["h"] * 26 - 6
        bottom = max(bottom, y + height)
        box = f'style="left:{x}px;top:{y}px;width:{width}px;height:{height}px"'
        if panel["type"] == "row":
            parts.append(f'<div class="row" {box}>▾ {html.escape(panel["title"])}</div>')
            continue
        found = [
            (legend(series, target["legendFormat"]), series)
            for target in panel["targets"]
            for series in ask(client, target["expr"], now)
        ]
        inner = int(height - 26)
        if panel["type"] == "stat":
            body = stats(panel, found)
        elif panel["type"] == "state-timeline":
            body = bands(panel, found, int(width), inner, now)
        else:
            body = lines(panel, found, int(width), inner, now)
        parts.append(f'<div class="panel" {box}><h2>{html.escape(panel["title"])}</h2>{body}</div>')
    grid = f'<div class="grid" style="height:{bottom}px">{"".join(parts)}</div>'
    return f"<style>{STYLE}</style><h1>{html.escape(board['title'])}</h1>{grid}"


def shoot(browser: Browser, target: str, name: str, width: int, height: int, scheme: Any) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1.5
    )
    page = context.new_page()
    page.goto(target)
    page.wait_for_timeout(1500)
    page.screenshot(path=str(DOCS / name))
    context.close()


def main() -> int:
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        with open_demo(state, shopper_every=3, backup_every=60) as places, chromium() as browser:
            shop = Service(config_path(state), int(places.service.rsplit(":", 1)[1]))
            shop.start()
            key = {"Authorization": f"Bearer {admin_key(state)}"}
            try:
                time.sleep(200)
                httpx.post(f"{places.shop}/switches/declined/break", headers=key, trust_env=False)
                until(lambda: "CheckoutFailing" in shop.output, "the page", 120)
                shoot(browser, shop.url, "page.png", 400, 860, "dark")
                drawing = state / "board.html"
                board = json.loads((ROOT / "dashboards" / "shop.json").read_text())
                drawing.write_text(draw(shop.client, board, time.time()))
                shoot(browser, drawing.as_uri(), "dashboard.png", 1264, 900, "dark")
            finally:
                shop.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
