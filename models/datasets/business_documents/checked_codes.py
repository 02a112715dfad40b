"""Codes with valid check digits: IBANs and VAT numbers."""

from __future__ import annotations

import random

_IBANS = {
    "DE": "##################",
    "NL": "@@@@##########",
    "FR": "#######################",
    "ES": "####################",
    "IT": "@######################",
    "GB": "@@@@##############",
    "PT": "#####################",
    "SE": "####################",
}
"""The length and kind of what follows the check digits; digits within are not checked."""
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_COUNTRIES = {
    "de": "DE",
    "nl": "NL",
    "fr": "FR",
    "es": "ES",
    "it": "IT",
    "en": "GB",
    "pt": "PT",
    "sv": "SE",
}


def iban(language: str, rng: random.Random) -> str:
    """Return an IBAN of a country in which a language is spoken."""
    country = _COUNTRIES[language]
    body = "".join(
        rng.choice(_LETTERS if each == "@" else "0123456789") for each in _IBANS[country]
    )
    if country == "ES":
        body = _spanish_account(body)
    elif country == "PT":
        body = _portuguese_account(body)
    digits = "".join(str(int(each, 36)) for each in body + country)
    return f"{country}{98 - int(digits + '00') % 97:02d}{body}"


def _spanish_account(body: str) -> str:
    """Return an account with the two check digits of Spain's banks in its middle."""
    place, account = body[:8], body[10:]
    return place + _spanish_digit(f"00{place}") + _spanish_digit(account) + account


def _spanish_digit(digits: str) -> str:
    found = 11 - sum(int(digit) * 2**at for at, digit in enumerate(digits)) % 11
    return str(found % 11 if found < 10 or found == 11 else 1)


def _portuguese_account(body: str) -> str:
    """Return an account with the two check digits of Portugal's banks at its end."""
    return f"{body[:19]}{98 - int(body[:19]) * 100 % 97:02d}"


def vat(language: str, rng: random.Random) -> str:
    """Return a VAT number of Germany, Italy, France or Great Britain, where no other is known."""
    country = {"de": "DE", "it": "IT", "fr": "FR", "en": "GB"}.get(language) or rng.choice(
        ("DE", "IT", "FR")
    )
    return {"DE": _german, "IT": _italian, "FR": _french, "GB": _british}[country](rng)


def _digits(rng: random.Random, count: int) -> str:
    return str(rng.randrange(1, 10)) + "".join(str(rng.randrange(10)) for _ in range(count - 1))


def _german(rng: random.Random) -> str:
    body, check = _digits(rng, 8), 10
    for digit in body:
        check = (check + int(digit)) % 10 or 10
        check = check * 2 % 11
    return f"DE{body}{(11 - check) % 10}"


def luhn(body: str) -> str:
    """Return a number with the check digit of Luhn's algorithm."""
    total = 0
    for at, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if at % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return body + str(-total % 10)


def _italian(rng: random.Random) -> str:
    return "IT" + luhn(_digits(rng, 7) + f"{rng.randrange(1, 101):03d}")


def _french(rng: random.Random) -> str:
    siren = luhn(_digits(rng, 8))
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def _british(rng: random.Random) -> str:
    body = _digits(rng, 7)
    total = sum(int(digit) * (8 - at) for at, digit in enumerate(body))
    return f"GB{body}{97 - total % 97 if total % 97 else 97:02d}"
