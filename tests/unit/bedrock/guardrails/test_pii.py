"""Personal data that rules tell, and what only looks like it.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-sensitive-filters.html
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.bedrock.guardrails.pii import PII_RULES, has_luhn_digit, is_iban


def found(kind: str, text: str) -> list[str]:
    return [text[begin:end] for begin, end in PII_RULES[kind].find_spans(text)]


CASES = [
    ("EMAIL", "Write to a.b+c@mill.example, please.", ["a.b+c@mill.example"]),
    ("EMAIL", "at @mill or mill@", []),
    ("CREDIT_DEBIT_CARD_NUMBER", "4111 1111 1111 1111!", ["4111 1111 1111 1111"]),
    ("CREDIT_DEBIT_CARD_NUMBER", "4111 1111 1111 1112", []),
    ("US_SOCIAL_SECURITY_NUMBER", "SSN 078-05-1120.", ["078-05-1120"]),
    ("US_SOCIAL_SECURITY_NUMBER", "000-05-1120 900-05-1120", []),
    (
        "INTERNATIONAL_BANK_ACCOUNT_NUMBER",
        "AT61 1904 3002 3457 3201",
        ["AT61 1904 3002 3457 3201"],
    ),
    ("INTERNATIONAL_BANK_ACCOUNT_NUMBER", "AT61 1904 3002 3457 3202", []),
    ("IP_ADDRESS", "from 192.168.0.1 or 2001:db8::1", ["192.168.0.1", "2001:db8::1"]),
    ("IP_ADDRESS", "version 1.2.3.4.5, 300.1.1.1 at 12:30", []),
    ("MAC_ADDRESS", "00:1A:2b:3C:4d:5E", ["00:1A:2b:3C:4d:5E"]),
    (
        "PHONE",
        "Call +43 316 123 4567 or (555) 123-4567.",
        ["+43 316 123 4567", "(555) 123-4567"],
    ),
    ("PHONE", "410 kilowatts in 2011", []),
    ("URL", "see https://mill.example/a?b=c now", ["https://mill.example/a?b=c"]),
    ("AWS_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE", ["AKIAIOSFODNN7EXAMPLE"]),
    ("SWIFT_CODE", "DEUTDEFFXXX", ["DEUTDEFFXXX"]),
    ("US_BANK_ROUTING_NUMBER", "021000021 123456789", ["021000021"]),
    ("US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", "912-50-1234", ["912-50-1234"]),
    ("UK_NATIONAL_HEALTH_SERVICE_NUMBER", "943 476 5919, 943 476 5918", ["943 476 5919"]),
    ("UK_NATIONAL_INSURANCE_NUMBER", "QQ 12 34 56 C, AB 12 34 56 C", ["AB 12 34 56 C"]),
    (
        "VEHICLE_IDENTIFICATION_NUMBER",
        "1M8GDM9AXKP042788 1M8GDM9AYKP042788",
        ["1M8GDM9AXKP042788"],
    ),
]


@pytest.mark.parametrize(("kind", "text", "expected"), CASES)
def test_a_rule_should_find_what_it_is_for(kind: str, text: str, expected: list[str]) -> None:
    assert found(kind, text) == expected


def test_every_rule_should_have_been_tried() -> None:
    assert {kind for kind, _, _ in CASES} == set(PII_RULES)


@given(digits=st.text("0123456789", min_size=1, max_size=18))
def test_one_digit_should_make_a_number_hold(digits: str) -> None:
    assert sum(has_luhn_digit(digits + check) for check in "0123456789") == 1


@given(account=st.text("ABCDEFGH0123456789", min_size=8, max_size=26))
def test_an_iban_should_hold_by_its_check_digits_alone(account: str) -> None:
    right = 98 - int("".join(str(int(c, 36)) for c in f"{account}AT00")) % 97
    wrong = right - 1 if right > 2 else right + 1
    assert is_iban(f"AT{right:02d}{account}")
    assert not is_iban(f"AT{wrong:02d}{account}")


@given(text=st.text(max_size=200), kind=st.sampled_from(sorted(PII_RULES)))
def test_any_text_should_be_read_and_what_is_found_be_in_it(text: str, kind: str) -> None:
    for begin, end in PII_RULES[kind].find_spans(text):
        assert 0 <= begin < end <= len(text)
