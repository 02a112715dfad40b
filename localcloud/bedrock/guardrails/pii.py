"""Personal data that a rule can tell, by the names that guardrails have for it. Pure.

What a pattern alone would find too often is held to its check digits.
https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-sensitive-filters.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass


def luhn(text: str) -> bool:
    """Tell whether the digits of `text` end with the check digit of ISO/IEC 7812."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return len(digits) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def iban(text: str) -> bool:
    """Tell whether `text` has the check digits of ISO 13616."""
    bare = re.sub(r"\s", "", text).upper()
    turned = bare[4:] + bare[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _nhs(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    rest = (
        11
        - sum(digit * weight for digit, weight in zip(digits[:9], range(10, 1, -1), strict=True))
        % 11
    )
    return {11: 0}.get(rest, rest) == digits[9]


def _routing(text: str) -> bool:
    weighted = (int(digit) * weight for digit, weight in zip(text, (3, 7, 1) * 3, strict=True))
    return int(text) > 0 and sum(weighted) % 10 == 0


_VALUES = (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10))
_LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", _VALUES, strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def _vin(text: str) -> bool:
    values = (_LETTERS[c] if c in _LETTERS else int(c) for c in text)
    rest = sum(value * weight for value, weight in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return text[8] == ("X" if rest == 10 else str(rest))


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, and what a match of it must stand besides."""

    pattern: re.Pattern[str]
    stands: Callable[[str], bool] = bool

    def found(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where `text` has such data, by begin and end."""
        for match in self.pattern.finditer(text):
            if self.stands(match.group()):
                yield match.span()


def _rule(pattern: str, stands: Callable[[str], bool] = bool) -> Rule:
    return Rule(re.compile(pattern), stands)


RULES: Mapping[str, Rule] = {
    "AWS_ACCESS_KEY": _rule(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "CREDIT_DEBIT_CARD_NUMBER": _rule(r"\b\d(?:[ -]?\d){12,18}\b", luhn),
    "EMAIL": _rule(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b"),
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER": _rule(
        r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", iban
    ),
    "IP_ADDRESS": _rule(
        r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:]+)(?![\w:]|\.\d)",
        _address,
    ),
    "MAC_ADDRESS": _rule(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b"),
    "PHONE": _rule(
        r"(?<![\w+.-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{2,4}[ .-])\d{3,4}[ .-]?\d{3,4}"
        r"(?![\w-]|\.\d)"
    ),
    "SWIFT_CODE": _rule(r"\b[A-Z]{4}[A-Z]{2}[A-Z2-9][A-NP-Z0-9](?:XXX|[A-Z0-9]{3})\b"),
    "UK_NATIONAL_HEALTH_SERVICE_NUMBER": _rule(r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b", _nhs),
    "UK_NATIONAL_INSURANCE_NUMBER": _rule(
        r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"
    ),
    "URL": _rule(r"\bhttps?://[^\s<>\"']{1,2000}"),
    "US_BANK_ROUTING_NUMBER": _rule(r"\b\d{9}\b", _routing),
    "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER": _rule(r"\b9\d{2}[- ][5-9]\d[- ]\d{4}\b"),
    "US_SOCIAL_SECURITY_NUMBER": _rule(
        r"\b(?!000|666|9\d\d)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}\b"
    ),
    "VEHICLE_IDENTIFICATION_NUMBER": _rule(r"\b[A-HJ-NPR-Z0-9]{17}\b", _vin),
}
"""By AWS's name of the kind; names, ages, addresses and the like take a model to tell."""
