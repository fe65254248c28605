"""What each form of a template writes, and what is refused with which words."""

import pytest

from alerts.template import Data, Template, TemplateError


def expand(text: str, **more: object) -> str:
    given = {"labels": {"job": "shop", "instance": "web-1.example:9100"}, "value": 1234.5678, "now": 1_700_000_000.0}
    answer = [({"pod": "b"}, 2.0), ({"pod": "a"}, 1.0)]
    data = Data(**{"query": lambda expr: answer if expr == "up" else [], **given, **more})  # type: ignore[arg-type]
    return Template(text).expand(data)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("no action at all", "no action at all"),
        ("{{ $labels.job }} {{ .Labels.job }} {{ $labels.nosuch }}.", "shop shop ."),
        ("{{ $value }} {{ .Value }}", "1234.5678 1234.5678"),
        ("{{ $externalLabels }}{{ .ExternalURL }}", "map[]"),
        ("a {{- 1 -}} b", "a1b"),
        ("a {{/* said to nobody */}} b", "a  b"),
        ("a {{- /* trimmed */ -}} b", "ab"),
        ('{{ "q\\"\\n\\x41\\u00e9" }} {{ `raw \\n` }}', 'q"\nAé raw \\n'),
        (
            "{{ 0x1F }} {{ 1_000 }} {{ 'a' }} {{ 010 }} {{ -3 }} {{ .5 }} {{ 1e3 }} {{ true }}",
            "31 1000 97 8 -3 0.5 1000 true",
        ),
        ("{{ if gt $value 1000.0 }}big{{ else }}small{{ end }}", "big"),
        ('{{ if eq $labels.job "x" }}x{{ else if eq $labels.job "y" "shop" }}s{{ else }}n{{ end }}', "s"),
        ("{{ with $labels.nosuch }}x{{ else }}none{{ end }}", "none"),
        ("{{ with $labels.job }}[{{ . }}]{{ end }}", "[shop]"),
        ('{{ range query "up" | sortByLabel "pod" }}{{ .Labels.pod }}={{ .Value }} {{ end }}', "a=1 b=2 "),
        ('{{ range query "none" }}x{{ else }}empty{{ end }}', "empty"),
        ('{{ range $i, $s := query "up" }}{{ $i }}{{ $s.Labels.pod }}{{ end }}', "0b1a"),
        ("{{ range $k, $v := $labels }}{{ $k }}:{{ $v }};{{ end }}", "instance:web-1.example:9100;job:shop;"),
        ('{{ range query "up" }}{{ if eq .Value 2.0 }}{{ continue }}{{ end }}{{ .Value }}{{ break }}{{ end }}', "1"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}", "2"),
        ('{{ (query "up" | first).Labels.pod }} {{ query "up" | first | value }}', "b 2"),
        ('{{ query "up" | first | label "pod" }} {{ query "up" | first | strvalue }}.', "b ."),
        ('{{ len $labels }} {{ len "é" }} {{ index $labels "job" }}', "2 2 shop"),
        ('{{ and 1 0 "x" }} {{ or 0 "" "y" }} {{ not 0 }} {{ and true (query "up") | len }}', "0 y true 2"),
        ('{{ lt 1 2 }} {{ le 2 2 }} {{ gt 1 2 }} {{ ge 1 2 }} {{ ne "a" "b" }}', "true true false false true"),
        ('{{ printf "%.2f %d%% %-6s| %q" $value 3 "ab" "c" }}', '1234.57 3% ab    | "c"'),
        ('{{ print 1 2 "a" 3 4.5 }}{{ println "x" 1 }}', "1 2a3 4.5x 1\n"),
        ('{{ "a b" | title }} {{ toUpper "a" }} {{ toLower "B" }} {{ "x&y" | urlquery }}', "A B A b x%26y"),
        ('{{ reReplaceAll "([a-z]+)-(.*)" "$2/${1}$$" "ab-9" }} {{ match "a.c" "xabcx" }}', "9/ab$ true"),
        ("{{ $labels.instance | stripPort }} {{ $labels.instance | stripDomain }}", "web-1.example web-1:9100"),
        ('{{ parseDuration "1h30m" }} {{ now }}', "5400 1.7e+09"),
        (
            '{{ graphLink "up == 0" }} {{ tableLink "up" }}',
            "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
        ),
    ],
)
def test_what_a_form_writes(text: str, written: str) -> None:
    assert expand(text) == written


@pytest.mark.parametrize(
    ("number", "kind", "written"),
    [
        (0.0, "humanize", "0"),
        (1234567.0, "humanize", "1.235M"),
        (-0.00012, "humanize", "-120u"),
        (float("inf"), "humanize", "+Inf"),
        (1048576.0, "humanize1024", "1Mi"),
        (0.5, "humanize1024", "0.5"),
        (0.0, "humanizeDuration", "0s"),
        (0.0012, "humanizeDuration", "1.2ms"),
        (59.25, "humanizeDuration", "59.25s"),
        (3725.9, "humanizeDuration", "1h 2m 5s"),
        (-90061.0, "humanizeDuration", "-1d 1h 1m 1s"),
        (float("nan"), "humanizeDuration", "NaN"),
        (0.12345, "humanizePercentage", "12.35%"),
        (1435065584.128, "humanizeTimestamp", "2015-06-23 13:19:44.128 +0000 UTC"),
        (0.0, "humanizeTimestamp", "1970-01-01 00:00:00 +0000 UTC"),
    ],
)
def test_numbers_as_people_say_them(number: float, kind: str, written: str) -> None:
    assert expand(f"{{{{ $value | {kind} }}}}", value=number) == written


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("{{ $foo }}", 1, 4, "the variable $foo is not known here"),
        ("a\n  {{ nosuch 1 }}", 2, 6, "there is no function 'nosuch' in rule templates"),
        ("{{ if }}x{{ end }}", 1, 7, "a value or function is missing here"),
        ("{{ if true }}", 1, 14, "the template ends before an {{ end }}"),
        ("{{ end }}", 1, 4, "{{ end }} without an if, range or with before it"),
        ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", 1, 24, "a second {{ else }} where {{ end }} is due"),
        ("{{ $value ", 1, 1, "an action is opened with {{ and never closed with }}"),
        ('{{ "a }}', 1, 4, "a quoted text is never closed"),
        ("{{ $value # }}", 1, 11, "'#' has no meaning inside {{ }}"),
        ("{{ /* a }}", 1, 1, "a comment must fill its {{/* … */}} and be closed"),
        ("{{ humanize }}", 1, 4, "humanize takes 1 argument, 0 given"),
        ("{{ 1 | 2 }}", 1, 8, "2 is not a function and takes no argument"),
        ("{{ 1 2 }}", 1, 4, "1 is not a function and takes no argument"),
        ("{{ (1 }}", 1, 4, "a parenthesis is never closed"),
        ('{{ template "x" }}', 1, 4, "{{ template }} is not known in rules; write the text in place"),
        ("{{ break }}", 1, 4, "{{ break }} outside {{ range }}"),
        ("{{ $x = 1 }}", 1, 4, "the variable $x is set before it is declared with :="),
        ("{{ 12abc }}", 1, 4, "12abc is not a number"),
        ("{{ 99999999999999999999 }}", 1, 4, "99999999999999999999 does not fit in 64 bits"),
        ('{{ "\\z" }}', 1, 4, "\\z is not an escape that Go knows"),
        ("{{ printf first }}", 1, 11, "first needs its arguments; put it in parentheses with them"),
        ("{{ $value}}{{ $labels.job.  }}", 1, 26, "'.' is not expected here"),
        ("{{ " + "(" * 60 + "1" + ")" * 60 + " }}", 1, 54, "nested more than 50 deep"),
    ],
)
def test_what_is_refused_when_read(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(text)
    assert (caught.value.line, caught.value.column, caught.value.message) == (line, column, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ gt $value 1 }}", "cannot compare float64 with int; write 0.0 for a number beside $value"),
        ("{{ lt true false }}", "cannot order booleans"),
        ("{{ eq $labels $labels }}", "cannot compare a map[string]string"),
        ("{{ .Foo }}", "a rule's data has no field Foo"),
        ("{{ $value.Foo }}", "a float64 has no field Foo"),
        ("{{ . }}", "the whole data cannot be printed; name a field such as .Value"),
        ('{{ query "none" | first }}', "first was given a query's answer without elements"),
        ("{{ $value | toUpper }}", "toUpper wants a string, not a float64"),
        ('{{ "x" | humanize }}', "'x' is not a number"),
        ("{{ range 3 }}{{ end }}", "range cannot walk over a int"),
        ('{{ index (query "up") 5 }}', "index 5 is out of range; there are 2 elements"),
        ("{{ len 3 }}", "a int has no length"),
        ("{{ humanizeTimestamp 1e300 }}", "1e+300 is not a time that can be written"),
        (
            '{{ parseDuration "abc" }}',
            "'abc' is not a duration; write it as Prometheus does, such as 30s, 5m, 1h30m or 1d",
        ),
        ("{{ query $value }}", "query wants a string, not a float64"),
    ],
)
def test_what_fails_when_filled_in(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        expand(text)
    assert caught.value.message == message


def test_a_bad_pattern_is_a_sentence() -> None:
    with pytest.raises(TemplateError, match=r"'\(' is not a regular expression: missing \)"):
        expand('{{ match "(" "x" }}')


def test_a_text_cannot_grow_without_end() -> None:
    with pytest.raises(TemplateError, match="grows beyond 1048576 characters"):
        expand('{{ range query "x" }}{{ printf "%9999d" 1 }}{{ end }}', query=lambda expr: [({}, 0.0)] * 200)


@pytest.mark.parametrize(
    ("text", "elements", "message"),
    [
        ('{{ range query "x" }}{{ range query "x" }}{{ end }}{{ end }}', 999, "takes more than 200000 steps"),
        ('{{ range query "x" }}{{ if query "y" }}{{ end }}{{ end }}', 2000, "asks more than 1000 queries"),
    ],
)
def test_a_template_cannot_work_without_end(text: str, elements: int, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        expand(text, query=lambda expr: [({}, 0.0)] * elements)
