"""Prometheus' own test files for PromQL pass, where they lie beside the clone."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.promqltest.__main__ import main
from tests.promqltest.judge import Verdict, judge

_FOLDER = Path(__file__).parents[4] / "shared" / "promqltest"
_FILES = ["aggregators", "at_modifier", "functions", "literals", "operators", "selectors"]


@pytest.mark.parametrize("name", _FILES)
def test_upstream_file(name: str) -> None:
    file = _FOLDER / f"{name}.test"
    if not file.exists():
        message = f"{file} is missing: Prometheus' PromQL test files are not beside this clone"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    outcomes = judge(file.read_text())
    assert [outcome for outcome in outcomes if outcome.verdict is Verdict.FAILED] == []
    for outcome in outcomes:
        if outcome.verdict is Verdict.OUT_OF_SCOPE:
            assert "native histograms" in outcome.reason or "experimental" in outcome.reason
    assert Counter(outcome.verdict for outcome in outcomes)[Verdict.PASSED] >= 25


def test_our_own_cases() -> None:
    outcomes = judge((Path(__file__).parent / "semantics.test").read_text())
    assert [outcome for outcome in outcomes if outcome.verdict is Verdict.FAILED] == []
    refused = [outcome.reason for outcome in outcomes if outcome.verdict is Verdict.OUT_OF_SCOPE]
    assert len(refused) == 5
    assert all("experimental" in reason or "native histograms" in reason for reason in refused)


GOOD = """
load 10s
  a{x="1"} 0+1x5 _ stale
  b 1 2x2 NaN -Inf

eval instant at 20s a
  a{x="1"} 2

eval range from 0 to 20s step 10s b * 2
  {} 2 4 4

eval instant at 20s rate(a[20s])
  expect info regex: might not be a counter.*\\(1:6\\)
  expect no_warn
  {x="1"} 0.1

eval_fail instant at 0 a + on() group_left() {__name__=~"a|b"}
  expected_fail_regexp found duplicate series

eval instant at 20s "x"
  expect string `x`

eval instant at 20s a[15s]
  expect range vector from 10s to 20s step 10s
  a{x="1"} 1 2

eval instant at 0 limitk(1, a)

clear

eval instant at 20s a
"""

BAD = """
load 10s
  a 1 2

eval instant at 10s a
  a 3

eval instant at 10s a
  expect fail

eval instant at 10s a
  expect warn
  a 2

eval instant at 10s a
  a 2
  b 2

eval instant at 10s a[
  a 2

evaluate a
"""


def test_runner_reports_each_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.test", tmp_path / "bad.test"
    good.write_text(GOOD)
    bad.write_text(BAD)
    assert main([str(good)]) == 0
    assert capsys.readouterr().out == "good.test: 7 passed, 0 failed, 1 out of scope\n"
    assert main(["-v", str(good), str(bad)]) == 1
    out = capsys.readouterr().out
    assert "bad.test: 0 passed, 6 failed, 0 out of scope" in out
    assert "limitk is experimental" in out
    assert "expected 3.0" in out
    assert "unknown command 'evaluate a'" in out
