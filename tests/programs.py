"""Real programs that tests start: found by name, or the test says which is missing (a failure under CI=true)."""

import os
import shutil
from pathlib import Path

import pytest

_PLACES = ("/usr/sbin", "/usr/local/sbin")


def require_program(name: str) -> str:
    """The path of a program. Skips the test by name where it is missing; under CI=true that is a failure."""
    versions = map(str, Path("/usr/lib/postgresql").glob("*/bin"))
    places = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES, *versions])
    path = shutil.which(name, path=places)
    if path is None:
        message = f"the program {name} is not installed (make test installs it as root)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path
