"""The process that runs errands: it looks as it is asked, many at once, and does nothing else."""

import asyncio
import json
import signal
import socket
import sys
from typing import Any

import uvloop

from monitor.errands.line import LONGEST_LINE
from probes.blackbox.guard import Guard
from probes.blackbox.modules import Module, load_modules
from probes.blackbox.prober import probe


def main() -> None:
    """Run errands from the inherited socket argv[1], until the service closes its end, by dying or otherwise."""
    line = socket.socket(fileno=int(sys.argv[1]))
    line.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the service ends us in order
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Child().serve(line))


class _Child:
    """Reads one JSON object a line: first the rules (`modules`, `allow`), then errands (`id`, `module`, …)."""

    def __init__(self) -> None:
        self._modules: dict[str, Module] = {}
        self._guard = Guard()
        self._running: set[asyncio.Task[None]] = set()

    async def serve(self, line: socket.socket) -> None:
        """Run what is asked until the other end is closed."""
        reader, writer = await asyncio.open_unix_connection(sock=line, limit=LONGEST_LINE)
        while order := await reader.readline():
            words = json.loads(order)
            if "allow" in words:
                self._modules = load_modules(words["modules"], "blackbox.yml")
                self._guard = Guard(words["allow"])
            else:
                task = asyncio.create_task(self._run(words, writer))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        for task in tuple(self._running):
            task.cancel()

    async def _run(self, words: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        told: dict[str, Any] = {"id": words["id"]}
        try:
            module = self._modules[words["module"]].for_host(words["hostname"])
            answer, page = await probe(module, words["target"], self._guard, words["seconds"])
            told |= {"page": page, "reason": answer.reason}
        except ValueError as error:
            told |= {"refused": str(error)}
        except Exception as error:  # one errand's bug is told to who asked, and ends no other errand
            told |= {"failed": f"this is a bug in Shopwatch: {type(error).__name__}: {error}"}
        writer.write(json.dumps(told).encode() + b"\n")


if __name__ == "__main__":
    main()
