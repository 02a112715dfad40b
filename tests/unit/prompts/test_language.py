from __future__ import annotations

import pytest

from chalicelib.contracts.prompts import MAX_TEMPLATE_CHARACTERS
from chalicelib.errors import InvalidInput
from chalicelib.prompts.templates import compile_template
from chalicelib.prompts.variables import Untrusted, Value

FENCE = "@@0123456789abcdef"


def text(source: str, **values: Value) -> str:
    return compile_template(source, "role", {*values, "gone", "w"}).render(values, FENCE).text


def refused(source: str, **values: Value) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        text(source, **values)
    assert caught.value.field == "role"
    return caught.value


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("Hello {{ who }}.", "Hello <b>Ada</b> & co."),
        ("{% if n > 2 %}many{% elif n == 2 %}two{% else %}few{% endif %}", "two"),
        ("{{ 'a' if no else 'b' }}", "b"),
        ("{{ no }} {{ 1.5 + n * 2 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ -n }}", "false 5.5 3 3 -2"),
        (
            "{% for x in xs %}\n- {{ loop.index }}. {{ x }}\n{% endfor %}\nend",
            "- 1. p\n- 2. q\nend",
        ),
        ("{% for x in xs if x != 'p' %}{{ x }}{{ loop.last }}{% endfor %}", "qtrue"),
        ("{% for x in xs[2:] %}x{% else %}none{% endfor %}", "none"),
        ("{% for k in range(2, 8, 3) %}{{ k }} {% endfor %}", "2 5 "),
        ("{% for x in xs %}{% for y in xs %}{{ loop.index }}{% endfor %}{% endfor %}", "1212"),
        ("{% set k = n + 1 %}{{ k }}", "3"),
        ("{{ who[3:6] }}{{ who[-1] }}{{ xs[0] }}{{ who[:3:-1] | length }}", "Adaop11"),
        ("{% if 'x' in ('x', 'y') and n is even and n is not none %}in{% endif %}", "in"),
        ("{{ n is divisibleby(2) }}{{ 3 is odd }}{{ w is undefined }}", "truetruetrue"),
        ("{{ who|truncate(end='', length=3)|upper }}", "<B>"),
        ("{% raw %}{{ kept }}{% endraw %}{# not shown #}", "{{ kept }}"),
        ("{{ gone|default('here') }}{{ who|d('there')|length }}", "here15"),
        ("{% if gone is defined %}{{ gone }}{% endif %}.", "."),
    ],
)
def test_should_render_what_the_language_has(source: str, wanted: str) -> None:
    values: dict[str, Value] = {"who": "<b>Ada</b> & co", "n": 2, "no": False, "xs": ["p", "q"]}
    assert text(source, **values) == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{{ word|upper }}{{ word|lower }}{{ word|capitalize }}", "WEIR ÖLweir ölWeir öl"),
        ("{{ word|title }}|{{ '  a '|trim }}|", "Weir Öl|a|"),
        ("{{ word|replace('i', 'ii') }}", "weiir Öl"),
        (
            "{{ word|truncate(4) }}{{ word|truncate(99) }}{{ word|truncate(1, '...') }}",
            "wei…weir Öl.",
        ),
        ("{{ 'a\nb'|indent(2) }}", "a\n  b"),
        ("{{ xs|join(', ') }}{{ xs|sort|join }}{{ xs|reverse|join }}", "b, a, babbbab"),
        ("{{ xs|unique|join }}{{ xs|length }}{{ word|count }}", "ba37"),
        ("{{ xs|first }}{{ word|last }}{{ 'a b  c'|wordcount }}", "bl3"),
        (
            "{{ xs|tojson }}{{ word|tojson }}{{ 3|tojson }}{{ true|tojson }}",
            '["b", "a", "b"]"weir Öl"3true',
        ),
        ("{{ 2.345|round(2) }} {{ 2.5|round }} {{ 3|round }}", "2.35 2 3"),
    ],
)
def test_should_have_filters(source: str, wanted: str) -> None:
    assert text(source, word="weir Öl", xs=["b", "a", "b"]) == wanted


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("a\n\n{{ missing }}", "Line 3: there is no variable 'missing'; known are gone, n, w, xs."),
        ("a\n{{ w.upper }}", "Line 2: there is no attribute 'upper'"),
        ("{{ ''.__class__.__mro__ }}", "Line 1: there is no attribute '__mro__'"),
        ("\n{{ w['__class__'] }}", "Line 2: [ ] takes whole numbers"),
        ("{{ '{0.__class__}'.format(w) }}", "nothing can be called but range"),
        ("{{ w|format(1) }}", "there is no filter 'format'; there are capitalize"),
        ("{{ w|attr('upper') }}", "there is no filter 'attr'"),
        ("{{ xs|map('upper') }}", "there is no filter 'map'"),
        ("{{ '%99999999d' % n }}", "% takes numbers"),
        ("{{ w * 3 }}", "* takes numbers"),
        ("{{ n * w }}", "* takes numbers"),
        ("{{ w + w }}", "to join texts, put them side by side"),
        ("{{ w ~ w }}", "put pieces side by side"),
        ("{{ 2 ** 9 }}", "`**` is not part of the language"),
        ("{{ 9007199254740991 + 1 }}", "numbers go up to 9007199254740991"),
        ("{{ 9007199254740992 }}", "numbers go up to 9007199254740991"),
        ("{{ 1e308 * 10 }}", "numbers go up to"),
        ("{{ 1e999 }}", "others to 1.7e308"),
        ("\n{{ '\\ud83d' }}", "Line 2: half of a surrogate pair is no character"),
        ("{{ n / 0 }}", "Line 1: division by zero"),
        ("{{ n < w }}", "Line 1: '<' not supported"),
        ("{{ -w }}", "bad operand type"),
        ("{{ xs }}", "a list is written by a filter, such as join, or by a loop"),
        ("{{ xs[5] }}", "there is no item 5; there are 2"),
        ("{{ n[0] }}", "[ ] takes items of a list or characters of a text"),
        ("{% for c in w %}{% endfor %}", "a loop goes over a list or a range"),
        ("{% for x in xs %}{{ loop(x) }}{% endfor %}", "nothing can be called but range"),
        ("{% for x in xs recursive %}{{ loop(x) }}{% endfor %}", "a loop cannot be recursive"),
        ("{% for a, b in xs %}{% endfor %}", "a loop gives one plain name"),
        ("{% set a, b = 1, 2 %}", "`set` takes one plain name"),
        ("{% set range = 2 %}", "'range' cannot be set"),
        ("{% for loop in xs %}{% endfor %}", "'loop' cannot be set"),
        ("{% set n = 2 %}", "'n' is a variable; a template does not set it"),
        ("{% set a %}x{% endset %}", "`set` takes one expression here"),
        ("{% set ns = namespace(a=1) %}", "nothing can be called but range"),
        ("{{ [[w]] }}", "a list in a template holds constants only"),
        ("{{ {'a': 1} }}", "there are no dictionaries here"),
        ("{% macro m() %}{{ m() }}{% endmacro %}", "macros are not part of the language"),
        ("{% include 'other' %}", "a template includes no other"),
        ("{% import 'other' as o %}", "a template imports nothing"),
        ("{% extends 'other' %}", "a template extends no other"),
        ("{% block b %}{% endblock %}", "`block` is not part of the language"),
        ("{% filter upper %}a{% endfilter %}", "a filter stands behind a value"),
        ("{% call range(2) %}{% endcall %}", "is not part of the language"),
        ("{{ cycler(1) }}", "nothing can be called but range"),
        ("{{ range(*xs) }}", "nothing can be called but range"),
        ("{{ range() }}", "range expected at least 1 argument"),
        ("{% for x in range('3') %}{% endfor %}", "range takes whole numbers"),
        ("{{ w|upper(*xs) }}", "the filter upper takes its arguments one by one"),
        ("{{ n is callable }}", "there is no test 'callable'"),
        ("{{ 5 is divisibleby(0) }}", "modulo by zero"),
        ("{{ gone }}", "gone is not given"),
        ("{{ gone|upper }}", "gone is not given"),
        ("{% if gone %}{% endif %}", "'gone' is undefined"),
        ("{{ n|upper }}", "upper takes text, not a number"),
        ("{{ w|replace('a') }}", "the filter replace takes old, new"),
        ("{{ w|replace('a', 'b', 'c') }}", "the filter replace takes old, new"),
        ("{{ w|truncate(len=9) }}", "the filter truncate takes length, end"),
        ("{{ w|upper(1) }}", "the filter upper takes nothing"),
        ("{{ n is odd(2) }}", "the test odd takes nothing"),
        ("{{ n is divisibleby }}", "the test divisibleby takes divisor"),
        ("{{ w is odd }}", "odd takes a number, not text"),
        ("{{ '%99999999d' is even }}", "even takes a number, not text"),
        ("{{ '%99999999d' is divisibleby(7) }}", "divisibleby takes a number, not text"),
        ("{{ w|join }}", "join takes a list of texts, not text"),
        ("{{ w|replace('', 'x') }}", "replace needs a text to look for"),
        ("{{ w|indent(65) }}", "indent takes a whole number from 0 to 64"),
        ("{{ 1.5|round(-99999999) }}", "round takes a whole number from 0 to 12"),
        ("{{ ''|first }}", "first takes what is not empty"),
        ("a\n{% if n %}", "Line 2: Unexpected end of template"),
        ("{{ n", "Line 1: unexpected end of template"),
        ("{{ " + "9" * 5000 + " }}", "too many digits"),
        ("{{ self }}", "there is no variable 'self'"),
        ("{% do 1 %}", "Encountered unknown tag 'do'"),
    ],
)
def test_should_say_what_is_not_in_it_and_where(source: str, says: str) -> None:
    assert says in refused(source, w="weir", n=2, xs=["p", "q"]).message


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("x" * (MAX_TEMPLATE_CHARACTERS + 1), "64000"),
        ("{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}", "40"),
        ("{{ " + "1+" * 100 + "1 }}", "40"),
        ("{{ " + "not " * 100 + "1 }}", "40"),
        ("{{ " + "not " * 15_000 + "1 }}", "40"),
        ("{% if n %}" * 41 + "{% endif %}" * 41, "40"),
        ("{% for a in xs %}" * 5 + "{% endfor %}" * 5, "4"),
        ("{{ n }}" * 6_000, "5000"),
    ],
)
def test_should_take_no_template_that_is_too_large_or_deep(source: str, limit: str) -> None:
    assert refused(source, n=1, xs=["a"]).limit == limit


def test_should_compile_what_goes_as_deep_as_it_may() -> None:
    ifs = "{% if n %}" * 36 + "x" + "{% endif %}" * 36
    assert text(ifs, n=1) == "x"
    loops = "{% for a in xs %}" * 4 + "{% if n %}" * 30 + "x" + "{% endif %}" * 30
    assert text(loops + "{% endfor %}" * 4, n=1, xs=["a"]) == "x"
    assert text("{{ " + "1 + " * 36 + "1 }}") == "37"


def test_should_compare_a_document_as_its_text() -> None:
    document = Untrusted("d", "abc")
    assert (
        text("{{ d == 'abc' }} {{ 'b' in d }} {{ d in ['abc'] }}", d=document) == "true true true"
    )
    assert text("{{ d|length }}{% if d %}full{% endif %}", d=document) == "3full"
    assert "only text can be in a text" in refused("{{ 1 in d }}", d=document).message
