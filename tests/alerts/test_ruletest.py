"""Unit tests of rules: the same verdict as promtool's on good files, on broken ones, and on those that we ship."""

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.promql.stale import is_stale
from alerts.ruletest import run_file
from alerts.ruletest.series import NotationError, parse_series, parse_values
from tests.programs import require_program

_FILES = Path(__file__).parent / "ruletests"
_GOOD, _BROKEN = sorted((_FILES / "good").glob("*.yml")), sorted((_FILES / "broken").glob("*.yml"))
_SHIPPED = sorted((Path(__file__).parents[2] / "alerts" / "rules" / "tests").glob("*.yml"))


def _promtool(path: Path) -> tuple[bool, str]:
    command = [require_program("promtool"), "test", "rules", path.name]
    done = subprocess.run(command, cwd=path.parent, check=False, capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*_GOOD, *_SHIPPED], ids=lambda path: path.stem)
def test_good_files_pass(path: Path):
    assert run_file(path).failures == ()


@pytest.mark.parametrize("path", _BROKEN, ids=lambda path: path.stem)
def test_broken_files_fail_with_a_place(path: Path):
    failures = run_file(path).failures
    assert failures
    assert all(failure.split(":")[1].isdigit() for failure in failures), failures


@pytest.mark.integration
@pytest.mark.parametrize("path", [*_GOOD, *_BROKEN, *_SHIPPED], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_promtool_says_the_same(path: Path):
    passed, said = _promtool(path)
    assert run_file(path).passed is passed, said


def test_at_least_twenty_are_broken():
    assert len(_BROKEN) >= 20


def test_a_difference_shows_what_was_expected_and_what_came():
    [failure] = run_file(_FILES / "broken" / "wrong-annotation.yml").failures
    assert failure.splitlines()[1:] == [
        "    (- expected, + came)",
        '      labels {alertname="Down", instance="1", job="shop", severity="page"}',
        "    -   summary: '1 of shop is up'",
        "    +   summary: '1 of shop is down'",
    ]


def test_a_pattern_without_files_is_a_warning():
    report = run_file(_FILES / "good" / "glob-and-names.yml")
    assert len(report.warnings) == 1
    assert report.warnings[0].endswith("rules/none*.yml")


def test_a_missing_file_is_a_failure(tmp_path: Path):
    assert run_file(tmp_path / "gone.yml").failures == (
        f"{tmp_path}/gone.yml:1:1: cannot read the test file: No such file or directory",
    )


def _run(tmp_path: Path, text: str) -> tuple[str, ...]:
    (tmp_path / "test.yml").write_text(text)
    return run_file(tmp_path / "test.yml").failures


@pytest.mark.parametrize(("fuzzy", "failures"), [("true", 0), ("false", 1)])
def test_fuzzy_compare_forgives_the_last_bit(tmp_path: Path, fuzzy: str, failures: int):
    case = "{expr: '0.1 + 0.2', eval_time: 0m, exp_samples: [{value: 0.3}]}"
    text = f"fuzzy_compare: {fuzzy}\ntests: [{{promql_expr_test: [{case}]}}]\n"
    assert len(_run(tmp_path, text)) == failures


@pytest.mark.parametrize("start", ["1795402800", "'2026-11-23T03:00:00Z'", "2026-11-23T11:00:00+08:00"])
def test_a_test_may_start_at_any_time(tmp_path: Path, start: str):
    case = "{expr: 'hour() + 0 * time() + timestamp(m) * 0', eval_time: 5m, exp_samples: [{value: 3}]}"
    moment = "{expr: 'time()', eval_time: 5m, exp_samples: [{value: 1795403100}]}"
    series = "input_series: [{series: m, values: '1x10'}]"
    text = f"tests: [{{start_timestamp: {start}, {series}, promql_expr_test: [{case}, {moment}]}}]\n"
    assert _run(tmp_path, text) == ()


def test_a_start_without_a_zone_is_refused(tmp_path: Path):
    [failure] = _run(tmp_path, "tests: [{start_timestamp: '2026-11-23 03:00:00'}]\n")
    assert "is neither Unix seconds nor a time such as 2026-11-11T20:00:00Z" in failure


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 2.5 -3 1e2", [1, 2.5, -3, 100]),
        ("1+2x3", [1, 3, 5, 7]),
        ("10-5x2", [10, 5, 0]),
        ("-1-1x1", [-1, -2]),
        ("7x2 0x2", [7, 7, 7, 0, 0, 0]),
        ("_ 1 _x2 2", [None, 1, None, None, 2]),
        ("Inf -Inf inf", [float("inf"), float("-inf"), float("inf")]),
        ("", []),
    ],
)
def test_values_in_the_short_notation(text: str, values: list[float | None]):
    assert parse_values(text) == values


def test_a_stale_value_is_the_stale_marker():
    [first, stale] = parse_values("1 stale")
    assert first == 1
    assert stale is not None
    assert is_stale(stale)


def test_labels_of_a_series():
    assert parse_series('m{b="2", a=\'x"y\',c=`\\d`,}') == (("__name__", "m"), ("a", 'x"y'), ("b", "2"), ("c", "\\d"))
    assert parse_series("{}") == parse_series("") == ()


@given(st.text(alphabet='am{}="\\,_x1 .+-{}', max_size=20))
def test_no_notation_is_too_odd(text: str):
    for parse in (parse_series, parse_values):
        with contextlib.suppress(NotationError):
            parse(text)


def test_a_series_cannot_grow_without_end():
    with pytest.raises(NotationError, match="makes more than 10,000,000 samples"):
        parse_values("1x99999999999")
