"""Rule files: what good ones mean, and what is said about bad ones, at which place. promtool agrees on both."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rule import AlertingRule, RecordingRule
from alerts.rulefile import RulesInvalid, load, read_file, read_rules
from tests.programs import require_program

_FILES = Path(__file__).parent / "rulefiles"
_GOOD, _BAD = sorted((_FILES / "good").glob("*.yml")), sorted((_FILES / "bad").glob("*.yml"))
#: Prometheus 2.42 reads the first document only; what follows would be silently lost.
_STRICTER = {"second-document.yml"}


def test_every_bad_file_has_its_exact_messages():
    said = [str(problem).removeprefix(f"{_FILES}/bad/") for path in _BAD for problem in read_file(path).problems]
    assert said == (_FILES / "bad" / "expected.txt").read_text().splitlines()
    assert {line.split(":")[0] for line in said} == {path.name for path in _BAD}


@pytest.mark.parametrize("path", _GOOD, ids=lambda path: path.stem)
def test_good_files_have_no_problem(path: Path):
    assert read_file(path).problems == ()


@pytest.mark.integration
@pytest.mark.parametrize("path", [*_GOOD, *_BAD], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_promtool_agrees(path: Path):
    command = [require_program("promtool"), "check", "rules", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    sound = path.parent.name == "good" or path.name in _STRICTER
    assert (done.returncode == 0) is sound, done.stdout + done.stderr


def test_what_a_file_means():
    groups = load([_FILES / "good" / "everything.yml"], interval=15.0)
    assert [(group.name, group.interval, group.limit) for group in groups] == [
        ("all", 30.0, 10),
        ("empty", 15.0, 0),
        ("anchors", 15.0, 0),
    ]
    record, alert = groups[0].rules
    assert isinstance(record, RecordingRule)
    assert record.labels == (("kind", "1"), ("other", "2"))
    assert isinstance(alert, AlertingRule)
    assert (alert.hold, alert.keep, alert.expr) == (5400.0, 300.0, "up\n  == 0\n")
    assert alert.labels == (("severity", "page"), ("truth", "true"))
    assert [rule.name for rule in groups[2].rules] == ["One", "Two"]


def test_a_groups_labels_are_those_of_its_rules_unless_they_say_otherwise():
    rules = "rules: [{record: r, expr: up, labels: {b: '3'}}]"
    text = f"groups: [{{name: g, query_offset: 1m, labels: {{a: '1', b: '2'}}, {rules}}}]"
    [group] = read_rules(text, "r.yml").groups
    assert group.rules[0].labels == (("a", "1"), ("b", "3"))
    assert group.query_offset == 60.0


def test_problems_of_several_files_come_at_once(tmp_path: Path):
    with pytest.raises(RulesInvalid) as caught:
        load([_FILES / "bad" / "bad-for.yml", tmp_path / "gone.yml", _FILES / "good" / "empty.yml"])
    assert [Path(problem.file).name for problem in caught.value.problems] == ["bad-for.yml", "gone.yml"]
    assert "cannot read the rule file: No such file or directory" in str(caught.value)


def test_a_sound_rule_beside_a_bad_one_is_still_read():
    text = "groups: [{name: g, rules: [{alert: A, expr: 'up['}, {alert: B, expr: up}]}]"
    read = read_rules(text, "r.yml")
    assert [rule.name for rule in read.groups[0].rules] == ["B"]
    assert len(read.problems) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["groups", "name", "rules", "alert", "record", "expr", "for", "labels", "annotations", "limit", "x"]
                ),
                inner,
                max_size=5,
            )
        ),
    )
)
def test_no_shape_of_a_file_is_too_odd(value: object):
    import yaml

    read = read_rules(yaml.safe_dump(value), "r.yml")
    assert all(problem.line >= 1 and problem.column >= 1 for problem in read.problems)
