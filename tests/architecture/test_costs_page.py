"""The page of costs says what template, prices and counts say."""

from __future__ import annotations

from chalicelib.generation.catalogue import catalogue
from infra.costs.page import PAGE, README, SNAPPED, counts, put_idle_cost_in, put_in, tables
from tests.architecture.templates import plain


def test_the_page_should_be_up_to_date() -> None:
    made = tables(plain("prod"), plain("prod", "--snap-start", SNAPPED), counts(), catalogue())
    assert PAGE.read_text() == put_in(PAGE.read_text(), made), "run `python -m infra.costs`"


def test_the_readme_should_say_the_same_of_an_idle_stage() -> None:
    text = README.read_text()
    assert text == put_idle_cost_in(text, plain("prod"), catalogue()), "run `python -m infra.costs`"
