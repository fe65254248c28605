"""Asks the real prometheus-blackbox-exporter and our /probe the same things, and says where their answers differ."""

import asyncio
import re
import urllib.parse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from probes.blackbox.guard import Guard
from probes.blackbox.modules import load_modules
from probes.blackbox.prober import probe
from probes.net.client import AsyncClient
from probes.net.http import Http
from probes.net.transport import MeasuringTransport
from tests.programs import require_program
from tests.servers import free_port

#: Values that are times or lengths of time: another each time.
_MEASURED = re.compile(r"probe_(duration|dns_lookup_time|\w+_duration)_seconds")
_SAMPLE = re.compile(r"(\w+(?:\{.*\})?) (\S+)")
#: What a target is, the module that looks at it, and where it is.
Target = tuple[str, str, str]


async def compare(folder: Path, modules: dict[str, Any], targets: Sequence[Target], seconds: float = 1.0) -> list[str]:
    """A sentence for every sample that the two do not have in common; `seconds` is our deadline."""
    text = yaml.safe_dump({"modules": modules})
    config = folder / "blackbox.yml"
    config.write_text(text)
    ours, guard = load_modules(text, "blackbox.yml"), Guard(["127.0.0.0/8", "::1"])
    differences = []
    async with exporter(config) as url, AsyncClient(transport=MeasuringTransport(Http())) as client:
        for what, module, target in targets:
            query = urllib.parse.urlencode({"module": module, "target": target})
            theirs = samples((await client.get(f"{url}?{query}")).text)
            mine = samples((await probe(ours[module], target, guard, seconds))[1])
            for name in sorted(theirs.keys() | mine.keys()):
                if theirs.get(name) != mine.get(name):
                    differences.append(f"{what}: {name} is {theirs.get(name)} there and {mine.get(name)} here")
    return differences


def samples(page: str) -> dict[str, float | str]:
    """Every sample by name and labels; measured times only as being there."""
    found: dict[str, float | str] = {}
    for line in page.splitlines():
        match = _SAMPLE.fullmatch(line)
        if match and not line.startswith("#"):
            found[match[1]] = "measured" if _MEASURED.match(match[1]) else float(match[2])
    return found


@asynccontextmanager
async def exporter(config: Path) -> AsyncIterator[str]:
    """A real exporter, and where it answers."""
    program = require_program("prometheus-blackbox-exporter")
    port = free_port()
    arguments = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*arguments, stdout=nowhere, stderr=nowhere)
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield f"http://127.0.0.1:{port}/probe"
    finally:
        process.terminate()
        await process.wait()
