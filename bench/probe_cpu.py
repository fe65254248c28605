"""How many probes a CPU-second buys: ours and blackbox_exporter's, against the same local server, in one run.

    python -m bench.probe_cpu [--probes 2000] [--rounds 5]

Fresh connection each. Ours is the whole way: look, judge, samples, evidence, over the prober's wire to the service, to
/metrics and the samples in memory, in batches of twenty. The peer is asked over /probe on kept-open connections.
Servers and drivers run in other processes, whose CPU is not counted. Medians of the rounds; one JSON line a figure.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import trustme
import uvloop

from monitor.intake import Intake
from monitor.latest import Latest
from monitor.metrics import Exposition
from monitor.prober import wire
from monitor.prober.rounds import Seen
from monitor.samples import Samples
from probes.base import Result, Run
from probes.http import HttpProbe, HttpSettings

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 512\r\n\r\n" + b"x" * 512
_WORKERS = _BATCH = 20
#: One address has 28,000 ports to call from, each of which rests for a minute: the shop has several addresses.
HOSTS = [f"127.0.0.{number}" for number in range(1, 9)]


class _Shop(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(_ANSWER)
            if b"onnection: close" in data:
                self.transport.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(port: int, certificate: Path | None) -> None:
    """The shop: plain when no certificate is given, else in TLS."""

    async def run() -> None:
        context = None
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
        server = await asyncio.get_running_loop().create_server(_Shop, HOSTS, port, ssl=context, backlog=1024)
        await server.serve_forever()

    uvloop.run(run())


class Service:
    """The service's part: takes a batch off the wire, onto the page and into memory."""

    def __init__(self, settings) -> None:
        self._seen: list[wire.Plain] = []
        exposition = Exposition("bench")
        exposition.configure([settings], time.time())
        self._intake = Intake(exposition, Samples(), Latest(), lambda: None, time.time)

    def hand_over(self, finding) -> None:
        """What the prober does with a finding, and every twentieth time what the service does with the batch."""
        self._seen.append(wire.plain(Seen("home", time.time(), 0.0, 0.01, finding)))
        if len(self._seen) < _BATCH:
            return
        frames = wire.Frames().feed(wire.news("told", self._seen, []))
        self._seen = []
        for frame in frames:
            _, told, _ = wire.read_news(frame)
            self._intake.take(
                [
                    Result(name, "http", due, late, took, wire.finding(*rest))
                    for name, due, late, took, _, _, *rest in told
                ]
            )


def ours(url: str, ca: str, probes: int) -> None:
    """Run the probe so many times; print CPU seconds and how many were up."""
    tls = {"tls": {"ca": ca}} if url.startswith("https") else {}
    settings = HttpSettings.model_validate({"name": "home", "type": "http", "url": url, **tls})
    service = Service(settings)

    async def run() -> tuple[float, int]:
        probe = HttpProbe(settings)
        await probe.open()
        loop = asyncio.get_running_loop()
        good = 0

        async def worker(count: int) -> None:
            nonlocal good
            for _ in range(count):
                finding = await probe.check(Run(loop.time() + 5, time.time(), "bench"))
                service.hand_over(finding)
                good += finding.outcome == "up"

        await asyncio.gather(*(worker(5) for _ in range(_WORKERS)))
        good = 0
        before = resource.getrusage(resource.RUSAGE_SELF)
        await asyncio.gather(*(worker(probes // _WORKERS) for _ in range(_WORKERS)))
        after = resource.getrusage(resource.RUSAGE_SELF)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, good

    cpu, good = uvloop.run(run())
    print(json.dumps({"cpu": cpu, "good": good}))


def drive(port: int, url: str, probes: int, rate: int = 0) -> None:
    """Ask blackbox_exporter so many times, over connections kept open; print how many probes succeeded.

    `rate` is how many are begun a second, evenly; 0 is as fast as it answers.
    """

    async def worker(number: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        good = 0
        for turn in range(probes // _WORKERS):
            if rate:
                due = started + (turn * _WORKERS + number) / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            writer.write(f"GET /probe?module=bench&target={url} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"content-length:" in head:
                body = await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
            else:
                body = b""
                while size := int((await reader.readline()).strip() or b"0", 16):
                    body += await reader.readexactly(size)
                    await reader.readline()
                await reader.readline()
            good += b"\nprobe_success 1" in body
        writer.close()
        return good

    async def run() -> int:
        return sum(await asyncio.gather(*map(worker, range(_WORKERS))))

    started = time.monotonic() + 0.1
    print(json.dumps({"good": uvloop.run(run())}))


def _self(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.probe_cpu", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment())
    return json.loads(done.stdout)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


def _cpu(process: subprocess.Popen[bytes]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def measure(probes: int, rounds: int) -> None:
    """Both sides, both schemes, in turns."""
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        for kind in trustme.KeyType:
            authority = trustme.CA(key_type=kind)
            with (folder / "ca.pem").open("ab") as trusted:
                trusted.write(authority.cert_pem.bytes())
            certificate = authority.issue_cert("127.0.0.1", key_type=kind)
            certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{kind.name}.pem"))
        tls = {"ca_file": str(folder / "ca.pem")}
        module = {"prober": "http", "timeout": "5s", "http": {"tls_config": tls, "preferred_ip_protocol": "ip4"}}
        (folder / "blackbox.yml").write_text(json.dumps({"modules": {"bench": module}}))
        plain, rsa, ecdsa, exporter = (free_port() for _ in range(4))
        me = [sys.executable, "-m", "bench.probe_cpu"]
        started = [
            subprocess.Popen([*me, "serve", str(plain)], env=_environment()),
            subprocess.Popen([*me, "serve", str(rsa), str(folder / "RSA.pem")], env=_environment()),
            subprocess.Popen([*me, "serve", str(ecdsa), str(folder / "ECDSA.pem")], env=_environment()),
            subprocess.Popen(
                [
                    "prometheus-blackbox-exporter",
                    f"--config.file={folder / 'blackbox.yml'}",
                    f"--web.listen-address=127.0.0.1:{exporter}",
                    "--log.level=error",
                ],
                stderr=subprocess.DEVNULL,
            ),
        ]
        try:
            for port in (plain, rsa, ecdsa, exporter):
                _wait_for(port)
            for figure, scheme, port in (
                ("HTTP", "http", plain),
                ("HTTPS RSA", "https", rsa),
                ("HTTPS ECDSA", "https", ecdsa),
            ):
                url = f"{scheme}://127.0.0.1:{port}/"
                _compare(figure, url, str(folder / "ca.pem"), exporter, started[-1], probes, rounds)
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
                process.wait(10)


def _compare(
    figure: str, url: str, ca: str, port: int, peer: subprocess.Popen[bytes], probes: int, rounds: int
) -> None:
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(rounds):
        look = _self("ours", url, ca, str(probes))
        assert look["good"] == probes, look
        rates["ours"].append(probes / look["cpu"])
        before = _cpu(peer)
        drive_result = _self("drive", str(port), url, str(probes))
        assert drive_result["good"] == probes, drive_result
        rates["peer"].append(probes / (_cpu(peer) - before))
    mine, theirs = statistics.median(rates["ours"]), statistics.median(rates["peer"])
    name = f"probes per CPU-second, {figure}, fresh connection"
    line = {"figure": name, "ours": round(mine), "peer": round(theirs), "ratio": round(mine / theirs, 2)}
    print(json.dumps(line), flush=True)


def main() -> None:
    """The whole comparison; `serve`, `ours` and `drive` are what it starts."""
    match sys.argv[1:]:
        case ["serve", port, *certificate]:
            serve(int(port), Path(certificate[0]) if certificate else None)
        case ["ours", url, ca, probes]:
            ours(url, ca, int(probes))
        case ["drive", port, url, probes, *rate]:
            drive(int(port), url, int(probes), *map(int, rate))
        case arguments:
            parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
            parser.add_argument("--probes", type=int, default=2000)
            parser.add_argument("--rounds", type=int, default=5)
            options = parser.parse_args(arguments)
            measure(options.probes - options.probes % _WORKERS, options.rounds)


if __name__ == "__main__":
    main()
