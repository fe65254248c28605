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

_TEXTS = [
    "{{ $value }} {{ .Value }} {{ $labels.a }} {{ .Labels.nosuch }} {{ $labels }} {{ $externalLabels }}{{ $externalURL }}",
    '{{ printf "%g %v %G %.3g %e %E %5.1f|%-8.2f|%08.2f|%+.1f|% f|%6g|%#.3g|%f" $value $value $value $value $value $value '
    "$value $value $value $value $value $value $value $value }}",
    '{{ printf "%d %s %z %t %q %x %c" $value $value 4 1 $value "ab" "s" }} {{ printf "%d %s" 1 }} {{ printf "%d" 1 2 }}',
    '{{ printf "%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%#o|%b|%c|%q|%U|%.3d|%T" 42 42 42 42 42 42 42 42 42 42 42 65 66 67 5 1 }}',
    '{{ printf "%s|%10s|%-10s|%.2s|%q|%v|%x|%X|% x|%T|%+q" "abc" "abc" "abc" "abc" "a\\"b\\n" "é" "hi" "hi" "hi" "s" "é" }}',
    '{{ printf "%t|%v|%T|%5t|%v|%*d|%-*d|%.*f" true false true true nil 5 42 5 42 2 $value }} {{ printf "%" }} {{ printf "%!" }}',
    '{{ printf "%v %s %d" $labels $labels $labels }} {{ print 1 2 "a" 3 4.5 true "b" }} {{ println 1 "a" }}',
    "{{ humanize $value }} {{ $value | humanize1024 }} {{ humanizeDuration $value }} {{ humanizePercentage $value }}",
    '{{ if lt $value 1e10 }}{{ humanizeTimestamp $value }}{{ end }} {{ humanizeTimestamp 1435065584.128 }} {{ humanize "12345" }} {{ humanize 12345 }}',
    '{{ title "foo-bar baz_x é b" }} {{ toUpper "aé" }} {{ toLower "BÉ" }} {{ parseDuration "1h30m" }} {{ "x y&z" | urlquery }}',
    '{{ $labels.instance | stripPort }} {{ "[::1]:80" | stripPort }} {{ "plain" | stripPort }} {{ "a:b:c" | stripPort }}',
    '{{ "a.b.c:80" | stripDomain }} {{ "a.b" | stripDomain }} {{ "10.0.0.1:80" | stripDomain }} {{ "a" | stripDomain }}',
    '{{ reReplaceAll "(w)eb-(?P<n>[0-9])" "$1<${n}>$$" $labels.instance }} {{ match "web-[0-9]" $labels.instance }}',
    '{{ query "m" | first | value }} {{ query "m" | first | label "a" }} {{ len (query "m") }} {{ query "m" | first }}',
    '{{ range query "two" | sortByLabel "k" }}{{ .Labels.k }}={{ .Value }};{{ end }}{{ range $i, $e := query "two" }}{{ $i }}{{ end }}',
    '{{ range query "none" }}x{{ else }}none{{ end }}{{ with query "two" }}{{ . | len }}{{ end }}{{ with $labels.q }}x{{ else }}y{{ end }}',
    "{{ if gt $value 1.0 }}big{{ else if eq $value 0.0 }}zero{{ else }}small{{ end }} {{ if $value }}t{{ else }}f{{ end }}",
    '{{ and 1 0 "x" }} {{ or 0 "" "y" }} {{ not $value }} {{ eq 1 2 1 }} {{ ne "a" "b" }} {{ le 1 1 }} {{ ge "b" "a" }}',
    "a {{- 1 -}} b {{ 0x1F }} {{ 1_000 }} {{ 1e3 }} {{ 'a' }} {{ true }} {{ 010 }} {{ -3 }} {{ +3 }} {{ .5 }} {{/* c */}}.",
    "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ $x }}{{ end }}{{ $x }} {{ range $k, $v := $labels }}{{ $k }}{{ end }}",
    '{{ range query "two" }}{{ if eq .Value 2.0 }}{{ continue }}{{ end }}{{ .Value }}{{ end }} {{ index $labels "a" }} {{ index "ab" 1 }}',
    '{{ graphLink "up == 0" }} {{ tableLink "up{a=\\"b\\"}" }} {{ "\\x41\\u00e9\\101\\t" }} {{ `raw\\n` }} {{ (query "m" | first).Labels.a }}',
]
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
    done = subprocess.run([promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
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
    done = subprocess.run([promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout + done.stderr
    for name, text in annotations.items():
        assert f'{name}="<error expanding template' in said, (text, said)
        with pytest.raises(TemplateError):
            _ours(text, 1.0)
