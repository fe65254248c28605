import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from probes.backup.postgres import PostgresDumpSettings
from probes.backup.scratch import PREFIX
from probes.backup.sqlite import SqliteSettings
from tests.probes.backup.shops import Postgres, postgres


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where rooms are made: short enough for a socket, and open to an unprivileged user, which tmp_path is not. After
    each test it must be empty again."""
    folder = Path(tempfile.mkdtemp(prefix="room-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    left = list(folder.glob(PREFIX + "*"))
    shutil.rmtree(folder)
    assert left == [], "a verification left its room behind"


Make = Callable[..., Any]


@pytest.fixture
def sqlite_settings(tmp_path: Path, scratch: Path) -> Make:
    return _maker(SqliteSettings, "sqlite", tmp_path, scratch, "shop-*.db*", {})


@pytest.fixture
def dump_settings(tmp_path: Path, scratch: Path) -> Make:
    return _maker(PostgresDumpSettings, "postgres-dump", tmp_path, scratch, "shop-*.dump*", {"fsync": False})


def _maker(model: Any, kind: str, folder: Path, scratch: Path, files: str, verify: dict[str, Any]) -> Make:
    def make(**changes: Any) -> Any:
        words = {"name": "shop", "type": kind, "from": str(folder), "files": files, "settle": "0s"}
        given = {"scratch": str(scratch), **verify, **changes.pop("verify", {})}
        return model.model_validate({**words, "verify": given, **changes})

    return make
