"""The canary in a running service: our own network's failure pages nobody for the shop, and ends no incident."""

import time

import pytest

from tests.monitor.test_service import config
from tests.servers import until
from tests.service import service
from tests.site import site

pytestmark = pytest.mark.integration


def with_canary(folder, page, uplink):
    canary = f"  - {{name: uplink, type: http, url: '{uplink.url}', every: 1s, timeout: 1s}}\n"
    whole = config(folder, page).replace("rules:", f"{canary}canary: uplink\nrules:")
    rules = folder / "rules" / "test.yml"
    rules.write_text(rules.read_text().replace("probe_success == 0", 'probe_success{probe!="uplink"} == 0'))
    return whole


def test_our_own_network_opens_no_incident_and_ends_none(tmp_path):
    with site() as page, site() as uplink, service(tmp_path, with_canary(tmp_path, page, uplink)) as shop:
        uplink.status = 503
        until(lambda: shop.query('probe_success{probe="uplink"} == 0'), "the canary to fail")
        page.status = 500
        until(lambda: shop.query('probe_outcome{probe="home",outcome="unknown"} == 1'), "our own trouble")
        assert shop.query('probe_success{probe="home"}') == []
        assert 'shopwatch_canary_up{canary="uplink",location="local"} 0' in shop.client.get("/metrics").text
        time.sleep(2)
        assert "PAGE" not in shop.output

        uplink.status = 200  # now it is the shop's alone
        until(lambda: "PAGE" in shop.output, "the page")

        uplink.status = 503
        until(lambda: shop.query('probe_outcome{probe="home",outcome="unknown"} == 1'), "our own trouble again")
        time.sleep(2)
        assert "RESOLVED" not in shop.output
        (incident,) = shop.client.get("/api/v1/incidents").json()["incidents"]
        assert incident["state"] != "resolved"

        uplink.status = page.status = 200
        until(lambda: "RESOLVED" in shop.output, "the end, at the next minute's look", 100)
