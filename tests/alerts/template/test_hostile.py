"""Whatever stands in a template, the answer is a text or a TemplateError."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from alerts.template import Data, Template, TemplateError
from alerts.template.functions import ARITY

_WORDS = [
    *ARITY,
    *("if", "else", "end", "range", "with", "define", "template", "block", "break", "continue", "nil", "true"),
    *(
        "$",
        "$labels",
        "$value",
        ".Labels",
        ".Value",
        ".",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        ",",
        "{{",
        "}}",
        "{{-",
        "-}}",
    ),
    *(
        '"a"',
        "`b`",
        "'c'",
        "1",
        "-2.5",
        "0x1f",
        "1e999",
        "/*",
        "*/",
        '"%d%s%*d%.3f"',
        '"%z"',
        "\n",
        " ",
        "..",
        "$a.b",
        '"(',
    ),
]


def _is_sound(text: str) -> None:
    data = Data(labels={"a": "b"}, value=1.5, query=lambda expr: [({"x": "1"}, float("nan")), ({}, 0.0)])
    with contextlib.suppress(TemplateError):
        assert isinstance(Template(text).expand(data), str)


@given(st.text())
def test_any_text(text: str) -> None:
    _is_sound("{{" + text)


@given(st.lists(st.sampled_from(_WORDS), max_size=25))
def test_any_heap_of_words(words: list[str]) -> None:
    _is_sound("{{ " + " ".join(words))
    _is_sound("{{ " + "".join(words) + " }}")


_VALUES = st.sampled_from(
    ["$value", "$labels", ".Labels.a", "1", "-3", "2.5", '"a"', "'c'", "nil", "true", '(query "x")']
)


@given(st.sampled_from(sorted(ARITY)), st.lists(_VALUES, max_size=4))
def test_any_call(function: str, arguments: list[str]) -> None:
    _is_sound("{{ " + " ".join([function, *arguments]) + " }}")


@given(
    st.text(alphabet="%+-# 0123456789.*vdsqxXeEfFgGtTcbOUz", max_size=12),
    st.lists(_VALUES, max_size=4),
)
def test_any_format(form: str, arguments: list[str]) -> None:
    _is_sound("{{ " + " ".join(["printf", f'"{form}"', *arguments]) + " }}")
