"""Rules for personal data, by its form, its check digits, and the words around it.

A number that could be many things counts only near such words. Names, addresses, birthdays and what
else takes understanding are not found: see docs/safety.md.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chalicelib.screening import checksums
from chalicelib.screening.rules import ScreeningRule, digit_pattern

if TYPE_CHECKING:
    from chalicelib.contracts.screening import Category

PERSONAL: Category = "personal-data"

_IBAN_LENGTHS: Mapping[int, str] = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
"""Countries by the length of their numbers.
https://www.swift.com/standards/data-standards/iban-international-bank-account-number
"""
_PHONE_DIGITS = range(7, 16)
"""ITU-T E.164 allows 15 at most."""
_DATE = re.compile(r"(?:19|20)\d\d[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:19|20)\d\d")


def _iban_pattern() -> str:
    forms = [
        f"(?:{countries.replace(' ', '|')})\\d\\d(?:[ -]?[A-Z0-9]){{{length - 4}}}"
        for length, countries in _IBAN_LENGTHS.items()
    ]
    return rf"(?<![A-Za-z0-9])(?:{'|'.join(forms)})(?![A-Za-z0-9])"


_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|(?:6011|64[4-9]\d|65\d\d)\d{12,15}|35(?:2[89]|[3-8]\d)\d{12}|(?:2131|1800)\d{11}"
    r"|(?:30[0-5]|36\d|38\d|39\d)\d{11}|(?:50|5[6-9]|6\d)\d{10,17}"
)
"""Visa, Mastercard, American Express, Discover, JCB, Diners Club, Maestro and UnionPay."""


def _card(text: str) -> bool:
    return (
        checksums.luhn(text) and _ISSUERS.fullmatch(checksums.letters_and_digits(text)) is not None
    )


def _address(text: str) -> bool:
    """Tell whether `text` is the address of a machine, which `::` and loopback are not."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_loopback)


def _phone(text: str) -> bool:
    plain = text.partition("x")[0]
    count = len(checksums.digit_values(plain))
    return count in _PHONE_DIGITS and _DATE.search(plain) is None


def _rule(
    name: str,
    words: str,
    pattern: str,
    score: float,
    stands: Callable[[str], bool] = bool,
    near: str = "",
) -> ScreeningRule:
    context = re.compile(rf"(?<!\w)(?:{near})", re.IGNORECASE) if near else None
    return ScreeningRule(
        f"personal-data.{name}",
        PERSONAL,
        words,
        digit_pattern(pattern),
        score,
        stands,
        context,
        0.95,
    )


_PHONE_WORDS = (
    r"tel\b|tel[eé]\w*|t[eé]l\b|phone|call|dial|ring|mob[ií]l\w*|cell|handy|ruf\w*|fax|sms|whatsapp"
    r"|num[eé]ro de t[eé]l|cellulare|mobiel|komórk\w*|celular|puhelin|puh\b"
)
RULES: tuple[ScreeningRule, ...] = (
    _rule(
        "email",
        "an e-mail address",
        r"(?<![\w.+%-])\w[\w.+%'-]{0,63}@(?:[\w-]{1,63}\.){1,8}[^\W0-9_]{2,24}(?![\w-])",
        0.95,
    ),
    _rule("iban", "a bank account number (IBAN)", _iban_pattern(), 0.95, checksums.iban),
    _rule(
        "card",
        "the number of a payment card",
        r"(?<![\w.-])\d(?:[ -]?\d){11,18}(?![\w-]|\.\d)",
        0.85,
        _card,
        r"card|karte|carte|carta|tarjeta|kaart|kort|visa|master|amex|cvc|cvv",
    ),
    _rule(
        "ip",
        "an IP address",
        r"(?<![\w.:])(?<!ersion )(?<!elease )(?<!ection )(?<!hapter )(?:\d{1,3}(?:\.\d{1,3}){3}"
        r"|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:]|\.\d)",
        0.75,
        _address,
        r"ip\b|ipv[46]|host|server|request|client|ping|address|allow|deny|log",
    ),
    _rule(
        "phone",
        "a telephone number",
        r"(?<![\w+/.-])(?:\(\+\d{1,3}\)|\+\d{1,3})[ ()./-]{0,3}\d(?:[ ()./-]{0,3}\d){5,13}(?!\w)",
        0.85,
        _phone,
        _PHONE_WORDS,
    ),
    _rule(
        "phone",
        "a telephone number",
        (
            r"(?<![\w+/.:@-])[(]?\d[ ()./-]{0,3}\d(?:[ ()./-]{0,3}\d){5,13}(?:x\d{1,5})?"
            r"(?![\w@]|-\d|\.\d)"
        ),
        0.25,
        _phone,
        _PHONE_WORDS,
    ),
    _rule(
        "phone",
        "a telephone number",
        r"(?<![\w+/.-])(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?![\w-]|\.\d)",
        0.6,
        _phone,
        _PHONE_WORDS,
    ),
)
