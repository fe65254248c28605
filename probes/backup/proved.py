"""Looks whether the last good backup is still the file that was proved good."""

import hashlib
import os
import time
from pathlib import Path
from typing import NamedTuple

from probes.backup.find import NotRegular, matching, open_file
from probes.backup.settings import BackupSettings
from probes.backup.verification import Broken, CouldNotLook

SAME = "still the same file"
_GONE = "gone since"
_UNSEEN = "it cannot be looked at now"
#: A page waits for the answer: of a huge backup only the size is compared, seconds.
_PATIENCE = 60.0
_BLOCK = 1024 * 1024


class Proved(NamedTuple):
    """A backup that passed: its name, its bytes, and its SHA-256 in hex ("" in verdicts of older versions)."""

    file: str
    size: int | None
    sha256: str


def look_again(settings: BackupSettings, proved: Proved, patience: float = _PATIENCE) -> str:
    """What became of it, in a few words: SAME, or how it is known to differ. Reads for at most `patience` seconds."""
    try:
        paths = [path for path in matching(settings) if path.name == proved.file]
    except (Broken, CouldNotLook):
        return _UNSEEN
    found = [_compare(path, proved, patience) for path in paths] or [_GONE]
    return SAME if SAME in found else found[0]


def _compare(path: Path, proved: Proved, patience: float) -> str:
    try:
        with open_file(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size != proved.size:
                return f"changed since: now {size} bytes"
            digest, until = hashlib.sha256(), time.monotonic() + patience
            while proved.sha256 and time.monotonic() < until:
                if not (block := stream.read(_BLOCK)):
                    return SAME if digest.hexdigest() == proved.sha256 else "changed since: other bytes, as many"
                digest.update(block)
    except FileNotFoundError:
        return _GONE
    except NotRegular:
        return "changed since: no regular file now"
    except (CouldNotLook, OSError):
        return _UNSEEN
    return f"still {size} bytes; they were not read again"
