"""`python -m tests.promqltest [-v] FILE…`: one line a file; exit 1 when a case failed."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.promqltest.judge import Verdict, judge


def main(argv: list[str] | None = None) -> int:
    """Run the files and print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.promqltest", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("-v", "--verbose", action="store_true", help="show failures, and why cases are out of scope")
    arguments = parser.parse_args(argv)
    failed = 0
    for file in arguments.files:
        outcomes = judge(file.read_text())
        counts = Counter(outcome.verdict for outcome in outcomes)
        failed += counts[Verdict.FAILED]
        if arguments.verbose:
            for outcome in outcomes:
                if outcome.verdict is not Verdict.PASSED:
                    print(f"{file.name}:{outcome.line}: {outcome.verdict}: {outcome.query}\n    {outcome.reason}")
        print(f"{file.name}: " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
