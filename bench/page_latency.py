"""From a page that breaks to the word on the console: ours, beside a tuned Prometheus and Alertmanager.

    python -m bench.page_latency [--rounds 7]

Both look every second at the same page, with an alert rule without `for`. The peer is tuned as far as its settings go:
1 s scrape and evaluation, no group_wait, a webhook receiver on loopback in the place of the console.
"""

import argparse
import contextlib
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.monitor.test_service import config
from tests.programs import require_program
from tests.prometheus import prometheus
from tests.servers import alertmanager, free_port, program, until
from tests.service import service
from tests.site import Site, site


@contextlib.contextmanager
def ours(folder: Path, page: Site) -> Iterator[Callable[[], list[float]]]:
    """Shopwatch; answers the times at which a page stood on its console."""
    with service(folder, config(folder, page)) as shop:
        yield lambda: [at for at, line in shop.printed if "PAGE" in line or "Fires again" in line]


@contextlib.contextmanager
def receiver() -> Iterator[tuple[int, list[float]]]:
    told: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if body["status"] == "firing":
                told.append(time.time())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], told
    server.shutdown()


@contextlib.contextmanager
def theirs(folder: Path, page: Site) -> Iterator[Callable[[], list[float]]]:
    """blackbox_exporter, Prometheus and Alertmanager; answers the times at which the webhook was told."""
    blackbox = free_port()
    rules = folder / "rules.yml"
    rules.write_text("groups: [{name: a, interval: 1s, rules: [{alert: Down, expr: 'probe_success == 0'}]}]")
    (folder / "blackbox.yml").write_text("modules: {page: {prober: http, timeout: 1s}}")
    probe = [
        require_program("prometheus-blackbox-exporter"),
        f"--config.file={folder}/blackbox.yml",
        f"--web.listen-address=127.0.0.1:{blackbox}",
    ]
    look = {"target": [page.url], "module": ["page"]}
    with (
        receiver() as (hook, told),
        program(probe, blackbox, folder),
        alertmanager(folder, f"http://127.0.0.1:{hook}/") as manager,
        prometheus(
            folder / "prometheus",
            [f"127.0.0.1:{blackbox}"],
            [rules],
            [f"127.0.0.1:{manager}"],
            path="/probe",
            params=look,
        ),
    ):
        yield lambda: told


def breaking(page: Site, told: Callable[[], list[float]], rounds: int) -> list[float]:
    """How many seconds each break took to be told; breaks fall anywhere in the second."""
    delays = []
    for _ in range(rounds):
        time.sleep(4 + random.random())
        before, broken = len(told()), time.time()
        page.status = 500
        until(lambda: len(told()) > before, "the page", 60)  # noqa: B023 - called at once
        delays.append(told()[before] - broken)
        page.status = 200
        time.sleep(4)
    return delays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    medians = []
    for setup in (ours, theirs):
        with tempfile.TemporaryDirectory() as folder, site() as page, setup(Path(folder), page) as told:
            delays = breaking(page, told, rounds)
            medians.append(statistics.median(delays))
            print(f"{setup.__name__}: " + ", ".join(f"{delay:.2f}" for delay in delays))
    mine, peer = medians
    figure = "from a broken page to the word of it, 1 s probing, no `for`, median seconds"
    print(
        json.dumps({"figure": figure, "ours": round(mine, 3), "peer": round(peer, 3), "ratio": round(mine / peer, 3)})
    )


if __name__ == "__main__":
    main()
