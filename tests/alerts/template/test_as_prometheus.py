"""Our templates write what Prometheus' write: promtool fills the same texts in, and compares them with ours."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from alerts.template import Data, Template, TemplateError
from tests.programs import require_program

_LABELS = {"__name__": "m", "a": "b", "instance": "web-1.example:9100", "empty_not": "x y"}
_VALUES = (1234567.5, 100000.0, 999999.5, 1e6, 0.0001, 0.00001234, 2e18, 0.5, 3.0, -42.25, 0.0, 86399.99)

#: One template a line.
_TEXTS = (Path(__file__).parent / "texts.txt").read_text().splitlines()
#: Prometheus refuses or fails each of these too.
_FAILING = [
    "{{ gt $value 1 }}",
    "{{ .Foo }}",
    "{{ $value.Foo }}",
    '{{ query "none" | first }}',
    "{{ $value | toUpper }}",
    '{{ "x" | humanize }}',
    "{{ range $value }}{{ end }}",
    '{{ index (query "m") 5 }}',
    "{{ len 3 }}",
    '{{ parseDuration "abc" }}',
    '{{ match "(" "x" }}',
    "{{ lt true false }}",
    "{{ eq $labels $labels }}",
]


def _ours(text: str, value: float) -> str:
    answers = {"m": [(_LABELS, value)], "two": [({"__name__": "two", "k": k}, v) for k, v in (("a", 2.0), ("b", 1.0))]}
    return Template(text).expand(Data(labels=_LABELS, value=value, query=lambda expr: answers.get(expr, [])))


@pytest.mark.integration
def test_every_text_at_every_value(tmp_path: Path) -> None:
    promtool = require_program("promtool")
    annotations = {f"t{number:02}": text for number, text in enumerate(_TEXTS)}
    rule = {"alert": "A", "expr": 'm{a="b"} or m', "annotations": annotations}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}))
    labels = {name: value for name, value in _LABELS.items() if name != "__name__"}
    series = "m{" + ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}"
    two = [{"series": f'two{{k="{k}"}}', "values": f"{v}x{len(_VALUES)}"} for k, v in (("a", 2), ("b", 1))]
    expected = [
        {
            "eval_time": f"{minute}m",
            "alertname": "A",
            "exp_alerts": [
                {
                    "exp_labels": labels,
                    "exp_annotations": {name: _ours(text, value) for name, text in annotations.items()},
                }
            ],
        }
        for minute, value in enumerate(_VALUES)
    ]
    values = " ".join(map(repr, _VALUES))
    test = {"interval": "1m", "input_series": [{"series": series, "values": values}, *two], "alert_rule_test": expected}
    (tmp_path / "test.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [test]}, allow_unicode=True)
    )
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.integration
def test_what_fails_with_us_fails_with_prometheus(tmp_path: Path) -> None:
    promtool = require_program("promtool")
    annotations = {f"t{number:02}": text for number, text in enumerate(_FAILING)}
    rule = {"alert": "A", "expr": "m", "annotations": annotations}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}))
    alert = {"eval_time": "0m", "alertname": "A", "exp_alerts": []}
    test = {"interval": "1m", "input_series": [{"series": "m", "values": "1"}], "alert_rule_test": [alert]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [test]}))
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    for name, text in annotations.items():
        assert f'{name}="<error expanding template' in said, (text, said)
        with pytest.raises(TemplateError):
            _ours(text, 1.0)
