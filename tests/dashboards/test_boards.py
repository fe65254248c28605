"""The dashboards: what is committed is what the Python says, and every panel can be read."""

import json
import re
from pathlib import Path

import pytest
import yaml

from alerts.rulefile import read_file
from dashboards.__main__ import BOARDS, FOLDER, board

PACKS = sorted((Path(__file__).parents[2] / "alerts" / "rules").glob("*.yml"))


@pytest.mark.parametrize("name", BOARDS)
def test_the_committed_json_is_what_the_python_says(name):
    assert (FOLDER / f"{name}.json").read_text() == board(name).text(), "run make dashboards"


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_has_a_title_a_unit_and_a_query(name):
    panels = [panel for panel in json.loads(board(name).text())["panels"] if panel["type"] != "row"]
    assert panels
    for panel in panels:
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_overlap_and_stay_on_the_grid(name):
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(board(name).text())["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", BOARDS)
def test_rates_use_grafanas_interval(name):
    for panel in board(name).panels():
        for query in panel.queries:
            for window in re.findall(r"\brate\([^\[]*\[([^\]]+)\]", query.expr):
                assert window == "$__rate_interval", panel.title


def test_uids_are_unique():
    assert len({board(name).uid for name in BOARDS}) == len(BOARDS)


def test_provisioning_is_yaml_that_names_our_folder():
    provider = yaml.safe_load((FOLDER / "provisioning" / "dashboards" / "shopwatch.yml").read_text())
    assert provider["providers"][0]["type"] == "file"
    sources = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "shopwatch.yml").read_text())
    assert {source["type"] for source in sources["datasources"]} == {"prometheus"}


def test_every_metric_of_an_alert_is_on_a_panel():
    shown = " ".join(query.expr for name in BOARDS for panel in board(name).panels() for query in panel.queries)
    asked = {
        metric
        for pack in PACKS
        for group in read_file(pack, 15).groups
        for rule in group.rules
        for metric in re.findall(r"\b(?:probe|host|backup|shop|shopwatch|journey)_[a-z0-9_]+", rule.expr)
    }
    assert {metric for metric in asked if not re.search(rf"\b{metric}\b", shown)} == set()
