"""Rules that find personal data by its pattern, named as guardrails name its types. Pure.

Types whose pattern alone matches too often are also checked by their check digits.
https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-sensitive-filters.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass


def has_luhn_digit(text: str) -> bool:
    """Return whether the digits of `text` end with the check digit of ISO/IEC 7812."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return len(digits) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Return whether `text` has the check digits of ISO 13616."""
    bare = re.sub(r"\s", "", text).upper()
    turned = bare[4:] + bare[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_nhs_number(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    rest = (
        11
        - sum(digit * weight for digit, weight in zip(digits[:9], range(10, 1, -1), strict=True))
        % 11
    )
    return {11: 0}.get(rest, rest) == digits[9]


def _is_routing_number(text: str) -> bool:
    weighted = (int(digit) * weight for digit, weight in zip(text, (3, 7, 1) * 3, strict=True))
    return int(text) > 0 and sum(weighted) % 10 == 0


_VIN_LETTER_VALUES = (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10))
_VIN_LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", _VIN_LETTER_VALUES, strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def _is_vin(text: str) -> bool:
    values = (_VIN_LETTERS[c] if c in _VIN_LETTERS else int(c) for c in text)
    rest = sum(value * weight for value, weight in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return text[8] == ("X" if rest == 10 else str(rest))


@dataclass(frozen=True, slots=True)
class PiiRule:
    """A pattern, and a further check of its matches."""

    pattern: re.Pattern[str]
    is_valid: Callable[[str], bool] = bool

    def find_spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the begin and end of each match in `text` that is valid."""
        for match in self.pattern.finditer(text):
            if self.is_valid(match.group()):
                yield match.span()


def _rule(pattern: str, is_valid: Callable[[str], bool] = bool) -> PiiRule:
    return PiiRule(re.compile(pattern), is_valid)


PII_RULES: Mapping[str, PiiRule] = {
    "AWS_ACCESS_KEY": _rule(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "CREDIT_DEBIT_CARD_NUMBER": _rule(r"\b\d(?:[ -]?\d){12,18}\b", has_luhn_digit),
    "EMAIL": _rule(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b"),
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER": _rule(
        r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", is_iban
    ),
    "IP_ADDRESS": _rule(
        r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:]+)(?![\w:]|\.\d)",
        _is_ip_address,
    ),
    "MAC_ADDRESS": _rule(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b"),
    "PHONE": _rule(
        r"(?<![\w+.-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{2,4}[ .-])\d{3,4}[ .-]?\d{3,4}"
        r"(?![\w-]|\.\d)"
    ),
    "SWIFT_CODE": _rule(r"\b[A-Z]{4}[A-Z]{2}[A-Z2-9][A-NP-Z0-9](?:XXX|[A-Z0-9]{3})\b"),
    "UK_NATIONAL_HEALTH_SERVICE_NUMBER": _rule(r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b", _is_nhs_number),
    "UK_NATIONAL_INSURANCE_NUMBER": _rule(
        r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"
    ),
    "URL": _rule(r"\bhttps?://[^\s<>\"']{1,2000}"),
    "US_BANK_ROUTING_NUMBER": _rule(r"\b\d{9}\b", _is_routing_number),
    "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER": _rule(r"\b9\d{2}[- ][5-9]\d[- ]\d{4}\b"),
    "US_SOCIAL_SECURITY_NUMBER": _rule(
        r"\b(?!000|666|9\d\d)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}\b"
    ),
    "VEHICLE_IDENTIFICATION_NUMBER": _rule(r"\b[A-HJ-NPR-Z0-9]{17}\b", _is_vin),
}
"""Rules by AWS's name of the type. Names, ages and addresses would need a model."""
