"""How many whole probes a CPU-second buys: the service and its prober as they run, beside blackbox_exporter.

    python -m bench.whole_path [--windows 5] [--seconds 2.5]

Fresh connection each, both sides at the same rate, evenly spread: a probe costs more where few are made, on either
side, as every one of its wake-ups finds cold caches. Ours is every CPU second of both processes: timer heap, look,
judging, evidence, the socket between them, /metrics (scraped once a window) and the samples in memory. The peer is
asked over /probe on kept-open connections; that somebody must ask it, and keep what it says, is not counted. For
comparison: what it takes when asked as fast as it answers. Servers and drivers are processes of their own. Medians of
the windows; one JSON line a figure, and where the time goes.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import trustme
import uvloop

from bench.probe_cpu import HOSTS, _cpu, _environment, _self, _wait_for, free_port
from bench.prober_scale import Service
from monitor.prober.prober import Prober
from probes.http import HttpSettings

#: Probes a second: few, and as many as the bench's own servers manage beside both sides on two cores.
RATES = {"HTTP": (300, 2000), "HTTPS RSA": (300, 500), "HTTPS ECDSA": (300, 500)}
EVERY, WARM_UP, ASKED = 1.0, 5.0, 2000


async def ours(count: int, url: str, ca: str, windows: int, seconds: float) -> list[tuple[float, float]]:
    """Seconds of CPU that a whole probe took in each window: the service's, the prober's."""
    tls = {"tls": {"ca": ca}} if url.startswith("https") else {}
    words = {"type": "http", "url": url, "every": EVERY, "timeout": EVERY, **tls}
    hosts = HOSTS if not tls else HOSTS[:1]  # the certificates are for one
    urls = [url.replace("127.0.0.1", hosts[n % len(hosts)]) for n in range(count)]
    settings = [HttpSettings.model_validate({"name": f"probe {n}", **words, "url": urls[n]}) for n in range(count)]
    service = Service(settings)
    prober = Prober(settings, "bench", service.results_in, service.missed_in)
    await prober.start()
    await asyncio.sleep(WARM_UP)
    both = psutil.Process(), psutil.Process(prober.shards[0].pid)
    taken = []
    service.bad = 0
    for _ in range(windows):
        service.late.clear()
        before = [sum(process.cpu_times()[:2]) for process in both]
        await asyncio.sleep(seconds)
        service.exposition.text()
        spent = [sum(process.cpu_times()[:2]) - then for process, then in zip(both, before, strict=True)]
        taken.append((spent[0] / len(service.late), spent[1] / len(service.late)))
    await prober.stop(0.5)
    assert not service.bad, f"{service.bad} looks failed"
    return taken


def theirs(exporter: subprocess.Popen[bytes], port: int, url: str, rate: int) -> float:
    """Seconds of CPU that a probe took blackbox_exporter; at rate 0 as fast as it answers."""
    asked = min(ASKED, rate * 5) or ASKED
    before = _cpu(exporter)
    assert _self("drive", str(port), url, str(asked), str(rate))["good"] == asked
    return (_cpu(exporter) - before) / asked


def compare(
    figure: str, rate: int, url: str, ca: str, port: int, exporter: subprocess.Popen[bytes], windows: int, s: float
) -> None:
    """Both sides against one server, at one rate."""
    taken = uvloop.run(ours(rate, url, ca, windows, s))
    paced = statistics.median(theirs(exporter, port, url, rate) for _ in range(windows))
    mine, peer = 1 / statistics.median(map(sum, taken)), 1 / paced
    parts = [round(statistics.median(part) * 1e6) for part in zip(*taken, strict=True)]
    print(
        f"{figure}, {rate}/s: of each probe's time {parts[0]} µs are the service's, {parts[1]} µs the prober's;"
        f" the peer took {paced * 1e6:.0f} µs",
        flush=True,
    )
    name = f"whole probes per CPU-second, {figure}, fresh connection, at {rate} probes/s"
    line = {"figure": name, "ours": round(mine), "peer": round(peer), "ratio": round(mine / peer, 2)}
    print(json.dumps(line), flush=True)


def main(windows: int, seconds: float) -> None:
    """Both sides, each kind of server in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = {figure: free_port() for figure in RATES}
        started = []
        for figure, port in ports.items():
            command = [sys.executable, "-m", "bench.probe_cpu", "serve", str(port)]
            if kind := figure.partition(" ")[2]:
                authority = trustme.CA(key_type=trustme.KeyType[kind])
                with (folder / "ca.pem").open("ab") as trusted:
                    trusted.write(authority.cert_pem.bytes())
                certificate = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType[kind])
                certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{kind}.pem"))
                command.append(str(folder / f"{kind}.pem"))
            started.append(subprocess.Popen(command, env=_environment()))
        tls = {"ca_file": str(folder / "ca.pem")}
        module = {"prober": "http", "timeout": "5s", "http": {"tls_config": tls, "preferred_ip_protocol": "ip4"}}
        (folder / "blackbox.yml").write_text(json.dumps({"modules": {"bench": module}}))
        port = free_port()
        command = ["prometheus-blackbox-exporter", f"--config.file={folder / 'blackbox.yml'}", "--log.level=error"]
        listen = f"--web.listen-address=127.0.0.1:{port}"
        exporter = subprocess.Popen([*command, listen], stderr=subprocess.DEVNULL)
        started.append(exporter)
        try:
            for waited in (*ports.values(), port):
                _wait_for(waited)
            for figure, shop in ports.items():
                scheme = figure.partition(" ")[0].lower()
                url = f"{scheme}://127.0.0.1:{shop}/"
                fastest = statistics.median(theirs(exporter, port, url, 0) for _ in range(windows))
                print(f"{figure}: asked as fast as it answers, the peer takes {fastest * 1e6:.0f} µs", flush=True)
                for rate in RATES[figure]:
                    compare(figure, rate, url, str(folder / "ca.pem"), port, exporter, windows, seconds)
        finally:
            for process in started:
                process.terminate()
                process.wait(10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.5)
    options = parser.parse_args()
    main(options.windows, options.seconds)
