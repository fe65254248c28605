"""Memory that is freed goes back to the system, and does not wait among small things for another large one."""

import subprocess
import sys

_PROGRAM = """
import sys
from monitor.allocator import give_memory_back

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

if sys.argv[1] == "yes":
    give_memory_back()
first = b"x" * (30 << 20)
del first  # glibc takes this as a sign that 30 MiB are usual, and to be kept
before = resident()
large, small = b"x" * (20 << 20), b"x" * 1000
del large
print(resident() - before)
"""


def _kept(told: str) -> int:
    """MiB that a program still holds after it freed 20 MiB."""
    command = [sys.executable, "-c", _PROGRAM, told]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_what_was_freed_is_given_back() -> None:
    assert _kept("yes") <= 2
