"""A reader that goes away, such as `head`, ends a command without a word."""

import os
import subprocess
import sys


def test_a_reader_that_has_seen_enough() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys; from monitor.cli import main; sys.exit(main(['schema']))"
    with os.fdopen(writing, "wb") as pipe:
        ended = subprocess.run([sys.executable, "-c", program], stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_reader_that_listens_to_the_end() -> None:
    program = "import sys; from monitor.cli import main; sys.exit(main(['schema']))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout
