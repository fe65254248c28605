"""`{{ }}` fills in what was captured, and can do nothing else."""

import contextlib
import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.interpolated import Interpolated
from probes.journey.template import LONGEST, NotFilled, Template, compiled, filled, names_in


@pytest.mark.parametrize(
    ("text", "values", "came"),
    [
        ("/p/{{ sku }}?x=1", {"sku": "A 1"}, "/p/A 1?x=1"),
        ("{{ sku | urlencode }}", {"sku": "A 1&b"}, "A%201%26b"),
        ("{{ price * 2 }}", {"price": Decimal("10.10")}, "20.20"),
        ("{{ price * 1.05 }}", {"price": Decimal("10.10")}, "10.6050"),
        ("{{ a ~ '-' ~ b }}", {"a": "x", "b": 1}, "x-1"),
        ("{{ 'yes' if n > 1 else 'no' }}", {"n": 2}, "yes"),
        ("{{ a | lower | trim | replace('x', 'y') }}", {"a": " XA "}, "ya"),
        ("no braces { here }", {}, "no braces { here }"),
        ("{# a comment #}", {}, ""),
        ("line\n", {}, "line\n"),
    ],
)
def test_a_text_is_filled_in(text, values, came):
    assert Template(text).render(values) == came


def test_a_name_alone_keeps_its_kind():
    assert Template("{{ n }}").value({"n": 7}) == 7
    assert Template(" {{ n }}").value({"n": 7}) == " 7"
    assert filled(compiled({"a": ["{{ n }}", True, None, "x{{ n }}"]}), {"n": 7}) == {"a": [7, True, None, "x7"]}


@pytest.mark.parametrize(
    "text",
    [
        "{{ a.__class__ }}",
        "{{ a['b'] }}",
        "{{ a() }}",
        "{{ range(10) }}",
        "{{ a ** 9 }}",
        "{{ a % 9 }}",
        "{{ [1, 2] }}",
        "{% for a in b %}{% endfor %}",
        "{% set a = 1 %}",
        "{% include 'x' %}",
        "{{ a | attr('b') }}",
        "{{ a | center(1000000000) }}",
        "{{ a is defined }}",
        "{{ a",
        "{{ }}",
        "{% a",
    ],
)
def test_what_could_run_wild_is_refused_when_the_config_is_read(text):
    with pytest.raises(ValueError, match=r"not a template|may hold|no filter"):
        Template(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{{ a }}", {}),
        ("x{{ a }}", {}),
        ("{{ a + b }}", {"a": "x", "b": "y"}),
        ("{{ a * 999999999 }}", {"a": "x"}),
        ("{{ a / 0 }}", {"a": Decimal(1)}),
        ("{{ a }}{{ a }}", {"a": "x" * LONGEST}),
        ("{{ -a }}", {"a": "x"}),
        ("{{ a | round }}", {"a": "x"}),
    ],
)
def test_what_cannot_be_filled_in_says_so(text, values):
    with pytest.raises(NotFilled, match=r"cannot be filled in|characters"):
        Template(text).render(values)


def test_names_are_known_before_the_walk():
    assert names_in(compiled({"a": "{{ x }}", "b": ["{{ y ~ z }}", 1]})) == {"x", "y", "z"}


def test_a_password_from_a_variable_may_hold_braces_and_is_not_shown():
    template = Template(Interpolated("a{{b", "${PASSWORD}"))
    assert template.render({}) == "a{{b"
    assert template.is_private
    assert repr(template) == "Template('${PASSWORD}')"


def test_a_template_travels_to_a_prober():
    template = Template("x{{ a }}")
    template.render({"a": 1})
    assert pickle.loads(pickle.dumps(template)).render({"a": 2}) == "x2"


@given(st.text(alphabet="{}%# ab|~'\"()[].*+-1,=\n", max_size=40))
def test_no_text_is_too_strange_for_a_template(text):
    with contextlib.suppress(ValueError, NotFilled):
        assert isinstance(Template(text).render({"a": "1", "b": Decimal(2)}), str)


@given(st.one_of(st.text(), st.integers(), st.decimals(allow_nan=False)))
def test_a_hostile_value_is_only_text(value):
    assert Template("<{{ a }}>").render({"a": value}) == f"<{value}>"
