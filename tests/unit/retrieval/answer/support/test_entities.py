"""Numbers, units, dates and names as the check reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.functions.check_support import Doubt
from chalicelib.retrieval.answer.support.entities import missing_entities
from chalicelib.retrieval.text.parsed_text import parse_text
from chalicelib.retrieval.text.units import parse_digits


def doubts(claim: str, *places: str) -> set[Doubt]:
    return missing_entities(parse_text(claim), list(map(parse_text, places)))


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("It took five days.", "It took 5 days."),
        ("It lasts two weeks.", "It lasts 14 days."),
        ("It weighs 0.9 tonnes.", "It weighs 900 kilograms."),
        ("It weighs 40 mg.", "It weighs 40 milligrams."),
        ("It cost 1,5 million euros.", "It cost 1.5 million euros."),
        ("It cost 1,150 euros.", "It cost 1.150,00 euros."),
        ("It cost €50.", "It cost 50 euros."),
        ("It holds 1,000 litres.", "It holds one cubic metre."),
        ("Rinse for a quarter of an hour.", "Rinse for 15 minutes."),
        ("It runs for two and a half hours.", "It runs for 150 minutes."),
        ("One in ten people came.", "10 percent of the people came."),
        ("A fifth of it is lost.", "20 % of it is lost."),
        ("Five hundred and forty homes.", "540 homes."),
        ("It holds more than 5 metres.", "It holds 6 metres."),
        ("It yields 1.9 GWh.", "It yields 1.9 gigawatt hours."),
        ("One month later it rained.", "A month later it rained."),
    ],
)
def test_should_find_a_number_however_it_is_written(claim: str, passage: str) -> None:
    assert doubts(claim, passage) == set()


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("It took six days.", "It took 5 days."),
        ("It weighs 40 grams.", "It weighs 40 milligrams."),
        ("It cost 1.5 euros.", "It cost 1,500 euros."),
        ("It lasts 12 days.", "It lasts 12 hours."),
        ("It holds more than 7 metres.", "It holds 6 metres."),
        ("The tenth floor.", "The ninth floor of 11."),
    ],
)
def test_should_miss_a_number_that_is_not_there(claim: str, passage: str) -> None:
    assert doubts(claim, passage) == {Doubt.NUMBER_MISSING}


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("It is due in 2028-04.", "It is due in April 2028."),
        ("It ended on 9 June 2021.", "It ended on 2021-06-09."),
        ("It ended on June 9, 2021.", "It ended on the 9th of June 2021."),
        ("It ended on 9.6.2021.", "It ended on 9 June 2021."),
        ("It ended in 01/2014.", "It ended in January 2014."),
        ("It opens at 3 pm.", "It opens at 15:00."),
        ("It opens at noon.", "It opens at 12:00."),
        ("It is shut on Mondays.", "It is shut each Monday."),
        ("It was built in 1994.", "It was built in May 1994."),
    ],
)
def test_should_find_a_date_however_it_is_written(claim: str, passage: str) -> None:
    assert doubts(claim, passage) == set()


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("It is due in April 2027.", "It is due in April 2028."),
        ("It ended on 10 June 2021.", "It ended on 9 June 2021."),
        ("It opens at 3 am.", "It opens at 15:00."),
        ("It is shut on Sundays.", "It is shut on Mondays."),
    ],
)
def test_should_miss_a_date_that_is_not_there(claim: str, passage: str) -> None:
    assert doubts(claim, passage) == {Doubt.DATE_MISSING}


def test_should_hold_a_claim_to_its_names() -> None:
    assert doubts("It was made by Voss Hydro.", "Voss Hydro made it.") == set()
    assert doubts("It was made by Voss Hydro.", "Stahlbau Kern made it.") == {Doubt.NAME_MISSING}
    assert doubts("It was made by Voss Hydro.", "They made it.", "Voss Hydro") == set()


@given(st.text(max_size=200))
def test_should_find_every_figure_of_a_text_in_itself(text: str) -> None:
    assert doubts(text, text) == set()


@given(st.integers(0, 10**9))
def test_should_read_grouped_and_plain_digits_alike(number: int) -> None:
    assert parse_digits(f"{number:,}") == parse_digits(str(number)) == number
