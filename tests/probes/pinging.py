"""A look of the icmp probe in a process of its own, for a test that gives it a network of its own.

python -m tests.probes.pinging '{"host": …}' [N]: prints outcome, reason and samples as JSON. With N, this machine
itself answers no pings any more, and we answer those to loopback whose number is not divisible by N.
"""

import json
import socket
import sys
import threading
from pathlib import Path

import uvloop

from probes.icmp import IcmpProbe
from tests.looking import look, numbers


def answer(every: int) -> None:
    Path("/proc/sys/net/ipv4/icmp_echo_ignore_all").write_text("1")
    listener = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)

    def serve() -> None:
        while True:
            packet, sender = listener.recvfrom(65536)
            request = packet[20:]
            if request[0] == 8 and int.from_bytes(request[6:8], "big") % every:
                checksum = int.from_bytes(request[2:4], "big") + 0x0800
                checksum = (checksum & 0xFFFF) + (checksum >> 16)
                listener.sendto(b"\0\0" + checksum.to_bytes(2, "big") + request[4:], sender)

    threading.Thread(target=serve, daemon=True).start()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        answer(int(sys.argv[2]))
    finding = uvloop.run(look(IcmpProbe, type="icmp", **json.loads(sys.argv[1])))
    seen = numbers(finding)
    facts = dict(finding.evidence.facts) if finding.evidence else {}
    print(json.dumps({"outcome": finding.outcome, "reason": finding.reason, "seen": seen, "facts": facts}))
