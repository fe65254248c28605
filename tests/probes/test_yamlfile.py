"""YAML with places: what is understood, what is asked back, and that hostile texts end soon and quietly."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.yamlfile import MOST_BYTES, Document, Place, Problem, YamlInvalid, load, plain, read


def problems(text: str | bytes, **options: str) -> list[str]:
    return [str(problem) for problem in read(text, "f.yml", **options).problems]  # type: ignore[arg-type]


def test_understands_what_every_yaml_version_agrees_on() -> None:
    text = """\
text: a shop
number: 12
negative: -3
decimal: 1.50
half: .5
yes_it_is: true
nothing: ~
empty:
date: 2026-11-10
moment: 2026-11-10T20:00:00+08:00
address: 127.0.0.1:9469
quoted: "010"
block: |
  on
list: [a, 1]
tagged: !!str 5
"""
    assert plain(load(text, "f.yml")) == {
        "text": "a shop",
        "number": 12,
        "negative": -3,
        "decimal": 1.5,
        "half": 0.5,
        "yes_it_is": True,
        "nothing": None,
        "empty": None,
        "date": "2026-11-10",
        "moment": "2026-11-10T20:00:00+08:00",
        "address": "127.0.0.1:9469",
        "quoted": "010",
        "block": "on\n",
        "list": ["a", 1],
        "tagged": "5",
    }


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("on", "write true, or quote it"),
        ("No", "write false, or quote it"),
        ("1:30", "YAML 1.1 reads it as 90"),
        ("-1:30", "YAML 1.1 reads it as -90"),
        ("22:00", 'quote a time: "22:00"'),
        ("010", "octal in YAML 1.1; write 10"),
        ("00", "write 0"),
        ("0x1F", "write plain decimals, or quote it"),
        ("1_000", "write plain decimals, or quote it"),
        ("1e3", "write plain decimals, or quote it"),
        (".nan", "write plain decimals, or quote it"),
        ("12345678901234567890", "too long for a number"),
    ],
)
def test_asks_back_where_versions_disagree(written: str, said: str) -> None:
    (problem,) = read(f"a:\n  b: {written}", "f.yml").problems
    assert problem.place == Place("f.yml", 2, 6)
    assert problem.message.startswith(written)
    assert said in problem.message
    assert plain(load(f"a: {written}", "f.yml", scalars="text")) == {"a": written}
    assert plain(load(f"a: '{written}'", "f.yml")) == {"a": written}


def test_text_mode_leaves_scalars_as_written_but_null() -> None:
    text = "{severity: 1, on: yes, at: 2026-01-01, expr: 1.50, up: true, none: null, empty: }"
    expected = {"severity": "1", "on": "yes", "at": "2026-01-01", "expr": "1.50", "up": "true"}
    assert plain(load(text, "f.yml", scalars="text")) == expected | {"none": None, "empty": None}


def test_keys_are_text_as_written() -> None:
    assert plain(load("{on: 1, 200: 2, 010: 3, 1:30: 4}", "f.yml")) == {"on": 1, "200": 2, "010": 3, "1:30": 4}


def test_finds_all_problems_at_once_and_keeps_what_is_sound() -> None:
    document = read("a: on\nb: 2\nb: 3\nc: *nothing\n", "f.yml")
    assert [(problem.line, problem.column) for problem in document.problems] == [(1, 4), (3, 1), (4, 4)]
    assert plain(document.root)["b"] == 2
    with pytest.raises(YamlInvalid) as caught:
        load("a: on\nb: off", "f.yml")
    assert len(caught.value.problems) == 2
    assert str(caught.value).startswith("f.yml:1:4: on is")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_places_count_lines_and_characters_as_editors_do(line_end: str, mark: str) -> None:
    text = mark + line_end.join(["# 店", "名: {価格: 1,\t値: [a, on]}", "b: é", "", "c:   off"])
    found = read(text.encode(), "f.yml").problems
    assert [problem.place[1:] for problem in found] == [(2, 19), (5, 6)]
    root = read(text, "f.yml").root
    assert root.key_place("名") == ("f.yml", 2, 1)
    assert root.mapping["b"].place == ("f.yml", 3, 4)


def test_line_breaks_that_only_yaml_knows_do_not_shift_the_places() -> None:
    assert problems("a: 'x\u2028y\x85z'\nb: on\n")[0].startswith("f.yml:2:4: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n\tb: 1", "f.yml:2:1: a tab is used for indentation; YAML takes spaces only"),
        ("a: b: c", "f.yml:1:5: a colon does not fit here; quote the text if it belongs to it"),
        ("a: 'never", "f.yml:1:4: this quote is never closed"),
        ("a: [1, 2", "f.yml:1:4: this bracket is never closed, or a comma is missing in it; expected , or ]"),
        ("a: {b: 1", "f.yml:1:4: this bracket is never closed, or a comma is missing in it; expected , or }"),
        ("a: @shop", "f.yml:1:4: text cannot begin with @ in YAML; put it in quotes"),
        ("a: %shop", "f.yml:1:4: text cannot begin with % in YAML; put it in quotes"),
        ('a: "C:\\new\\qux"', "f.yml:1:11: a backslash in double quotes starts an escape"),
        ("a: {{ product }}", "f.yml:1:4: {{ … }} must stand in quotes, or YAML takes the braces for its own"),
        ("? [a, b]\n: 1", "f.yml:1:3: a list or mapping stands where a key is expected; a key must be text"),
        ("~: 1", "f.yml:1:1: a key is missing before this colon"),
        ("a: !!python/object:os.system x", "f.yml:1:4: tags (!…) are not used here"),
        ("a: !secret x", "f.yml:1:4: tags (!…) are not used here"),
        ("a: !e!x y", "f.yml:1:4: tags (!…) are not used here"),
        ("a: 1\n---\nb: 2", "f.yml:2:1: a second document begins here; put it into a file of its own"),
        ("a: &x [*x]", "f.yml:1:8: *x stands inside the value that &x names: it would never end"),
        ("- a\nb: 1", "f.yml:2:1: this does not fit what is above it"),
        ("a: 1\n  b: 2", "f.yml:2:4: a colon does not fit here"),
        ("a: 'bell \x07'", "f.yml:1:10: the character U+0007 is not allowed in YAML"),
        ("<<: 5", "f.yml:1:5: << takes a mapping, or a list of mappings"),
        (b"a: \xff", "f.yml:1:4: byte 0xff is not UTF-8 text; save the file as UTF-8"),
        (b"\xef\xbb\xbfa: 1\nb: caf\xe9", "f.yml:2:7: byte 0xe9 is not UTF-8 text"),
        ("a: 1\x00", "f.yml:1:5: the character U+0000 is not allowed in YAML"),
    ],
)
def test_says_why_a_text_is_not_yaml(text: str | bytes, said: str) -> None:
    assert problems(text)[0].startswith(said)


def test_an_empty_text_is_no_problem_but_nothing() -> None:
    for text in ("", "# nothing yet\n", b"\xef\xbb\xbf", "---\n"):
        document = read(text, "f.yml")
        assert document.root.value is None
        assert not document.problems


def test_anchors_and_merges() -> None:
    text = """\
base: &base {every: 15s, labels: {shop: main}}
other: &other {every: 1m, owner: web}
one: {<<: *base, every: 5s}
two: {<<: [*base, *other]}
three: {"<<": 1}
four: [*base]
"""
    root = load(text, "f.yml")
    values = plain(root)
    assert values["one"] == {"every": "5s", "labels": {"shop": "main"}}
    assert values["two"] == {"every": "15s", "labels": {"shop": "main"}, "owner": "web"}
    assert values["three"] == {"<<": 1}
    assert values["four"] == [values["base"]]
    assert root.mapping["two"].mapping["owner"].place == ("f.yml", 2, 34)
    assert root.mapping["two"].key_place("owner") == ("f.yml", 2, 27)


def test_walks_as_far_as_the_file_goes() -> None:
    root = load("probes:\n  - {name: home, expect: {status: 200}}", "f.yml")
    node, gone = root.walk(("probes", 0, "HttpSettings", "expect", "status", "int"))
    assert gone == ("probes", 0, "expect", "status")
    assert node.place == ("f.yml", 2, 35)


def test_nested_aliases_cannot_grow_without_bound() -> None:
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    begun = time.monotonic()
    (problem,) = read("\n".join(laughs), "f.yml").problems
    assert "more than 400,000 values, aliases expanded" in problem.message
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_depth_is_bounded(text: str) -> None:
    found = read(text, "f.yml").problems
    assert found[-1].message in ("nested deeper than 40 levels",)


def test_size_is_bounded() -> None:
    (problem,) = read(b"#" * (MOST_BYTES + 1), "f.yml").problems
    assert problem == Problem("f.yml", 1, 1, "larger than 4 MiB; split the file")


YAMLISH = st.text(alphabet="ab:-? \n\t#[]{}&*!|>'\"%@`,<0123.é\u2028\x85", max_size=60)


@settings(max_examples=400, deadline=5000)
@given(st.one_of(YAMLISH, st.text(max_size=60), st.binary(max_size=60)))
def test_any_text_gives_values_or_problems_with_places_in_the_text(text: str | bytes) -> None:
    document: Document = read(text, "f.yml")
    decoded = text if isinstance(text, str) else text.decode("utf-8-sig", "replace")
    lines = decoded.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in document.problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 2
        assert problem.message
    plain(document.root)
