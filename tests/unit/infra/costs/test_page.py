from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.generation.catalogue import catalogue
from infra.costs.page import BEGIN, END, as_dollars, put_idle_cost_in, put_in


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0"),
        ("1.9", "$1.90"),
        ("12.345", "$12.34"),
        ("0.105", "$0.10"),
        ("0.0014599", "$0.0015"),
        ("0.00000123", "$0.0000012"),
    ],
)
def test_dollars_should_show_cents_and_two_digits_of_less(amount: str, shown: str) -> None:
    assert as_dollars(Decimal(amount)) == shown


def test_tables_should_be_put_between_the_marks_and_nowhere_else() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert put_in(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert put_in(put_in(page, "new"), "new") == put_in(page, "new")


def test_a_text_should_say_once_what_idle_costs() -> None:
    text = "It costs $9 a month at list prices, $1 beyond what is free."
    template = {"Parameters": {"Stage": {"Type": "String"}}, "Resources": {}}
    assert put_idle_cost_in(text, template, catalogue()) == (
        "It costs $0 a month at list prices, $0 beyond what is free."
    )
    for wrong in ("It costs nothing.", text + text):
        with pytest.raises(ValueError, match="not once"):
            put_idle_cost_in(wrong, template, catalogue())


def test_a_page_without_marks_should_be_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        put_in("nothing", "new")
