"""Conditional requests.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import pytest

from localcloud.errors import AwsError
from localcloud.s3.storage.conditions import ConditionalWrite, ConditionResult, ReadConditions
from localcloud.s3.xml_format import http_date

MODIFIED = 1_700_000_000
EARLIER, LATER = http_date(MODIFIED - 10), http_date(MODIFIED + 10)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({}, "passed"),
        ({"if-match": '"e"'}, "passed"),
        ({"if-match": '"x", "e"'}, "passed"),
        ({"if-match": "*"}, "passed"),
        ({"if-match": '"x"'}, "If-Match"),
        ({"if-none-match": '"e"'}, "not modified"),
        ({"if-none-match": '"x"'}, "passed"),
        ({"if-modified-since": EARLIER}, "passed"),
        ({"if-modified-since": http_date(MODIFIED)}, "not modified"),
        ({"if-unmodified-since": EARLIER}, "If-Unmodified-Since"),
        ({"if-unmodified-since": LATER}, "passed"),
        ({"if-match": '"e"', "if-unmodified-since": EARLIER}, "passed"),
        ({"if-none-match": '"x"', "if-modified-since": LATER}, "passed"),
        ({"if-modified-since": "no date"}, "passed"),
    ],
)
def test_a_read_is_answered_as_the_table_in_the_documentation_says(
    headers: dict[str, str], outcome: str
) -> None:
    conditions = ReadConditions.from_headers(headers)
    if outcome.startswith("If-"):
        with pytest.raises(AwsError) as raised:
            conditions.evaluate("e", MODIFIED)
        assert raised.value.fields == {"Condition": outcome}
    else:
        assert conditions.evaluate("e", MODIFIED) is ConditionResult(outcome)


@pytest.mark.parametrize(
    ("headers", "current", "code"),
    [
        ({"if-none-match": "*"}, None, ""),
        ({"if-none-match": "*"}, "e", "PreconditionFailed"),
        ({"if-match": '"e"'}, "e", ""),
        ({"if-match": '"e"'}, "x", "PreconditionFailed"),
        ({"if-match": '"e"'}, None, "NoSuchKey"),
        ({}, "e", ""),
    ],
)
def test_a_write_goes_ahead_only_over_what_it_expects(
    headers: dict[str, str], current: str | None, code: str
) -> None:
    condition = ConditionalWrite.from_headers(headers)
    if not code:
        condition.check("k", current)
        return
    with pytest.raises(AwsError) as raised:
        condition.check("k", current)
    assert raised.value.code == code


@pytest.mark.parametrize("headers", [{"if-none-match": '"e"'}, {"if-match": "*"}])
def test_a_write_condition_that_s3_does_not_have_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(AwsError) as raised:
        ConditionalWrite.from_headers(headers)
    assert (raised.value.code, raised.value.status) == ("NotImplemented", 501)
