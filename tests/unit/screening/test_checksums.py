from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.screening import checksums

Right = Callable[[str], bool]

EXAMPLES: dict[str, tuple[Right, tuple[str, ...]]] = {
    "luhn": (checksums.luhn, ("4111 1111 1111 1111", "378282246310005", "79927398713")),
    "iban": (checksums.iban, ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432")),
    "nhs": (checksums.uk_nhs, ("943 476 5919", "9876543210")),
    "german tax": (checksums.german_tax, ("86 095 742 719", "47036892816")),
    "nir": (checksums.french_nir, ("2 55 08 14 168 025 38", "2690549588157 80")),
    "dni": (checksums.spanish_dni, ("12345678Z", "X1234567L")),
    "cf": (checksums.italian_cf, ("RSSMRA85T10A562S",)),
    "bsn": (checksums.dutch_bsn, ("111222333", "123456782")),
    "pesel": (checksums.polish_pesel, ("44051401359",)),
    "cpf": (checksums.brazilian_cpf, ("529.982.247-25", "111.444.777-35")),
    "personnummer": (checksums.swedish_personnummer, ("811228-9874", "19811228-9874")),
    "hetu": (checksums.finnish_hetu, ("131052-308T",)),
    "ahv": (checksums.swiss_ahv, ("756.9217.0769.85",)),
    "belgian": (checksums.belgian_number, ("85.07.30-033.28",)),
}
CASES = [(right, text) for right, texts in EXAMPLES.values() for text in texts]


@pytest.mark.parametrize(("right", "text"), CASES)
def test_an_issuer_s_own_example_should_be_right(right: Right, text: str) -> None:
    assert right(text)


OF_ONE_SCALE = [case for case in CASES if case[0] is not checksums.italian_cf]
"""The letters of a codice fiscale count by two scales, in which two digits may weigh the same."""


@given(st.sampled_from(OF_ONE_SCALE), st.data())
def test_a_number_with_one_digit_mistyped_should_be_wrong(
    case: tuple[Right, str], data: st.DataObject
) -> None:
    right, text = case
    places = [place for place, character in enumerate(text) if character.isdigit()]
    if right is checksums.swedish_personnummer:
        places = places[-10:]
    place = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != text[place]]))
    mistyped = text[:place] + digit + text[place + 1 :]
    assert not right(mistyped)


@pytest.mark.parametrize(
    ("right", "text"),
    [
        (checksums.luhn, "0000 0000 0000 0000"),
        (checksums.uk_nhs, "0000000000"),
        (checksums.dutch_bsn, "000000000"),
        (checksums.brazilian_cpf, "111.111.111-11"),
        (checksums.italian_cf, "RSSMRA85T10A562T"),
        (checksums.polish_pesel, "00000000000"),
        (checksums.finnish_hetu, "320252-308T"),
    ],
)
def test_what_fits_its_digits_and_is_nobody_s_should_be_wrong(right: Right, text: str) -> None:
    assert not right(text)
