"""`python -m dashboards` writes every dashboard's JSON beside its Python; `--check` only says which are out of date."""

import sys
from importlib import import_module
from pathlib import Path

from dashboards.board import Board

BOARDS = ("shop", "orders", "host", "checkout", "objectives", "backups", "shopwatch")
FOLDER = Path(__file__).parent


def board(name: str) -> Board:
    """The dashboard that dashboards/NAME.py describes."""
    found = import_module(f"dashboards.{name}").BOARD
    assert isinstance(found, Board)
    return found


def main(check: bool = False) -> int:
    """Write the files, or with `check` answer 1 when one of them is not what its Python says."""
    stale = []
    for name in BOARDS:
        path = FOLDER / f"{name}.json"
        text = board(name).text()
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if not check:
                path.write_text(text)
    if check and stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run make dashboards\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
