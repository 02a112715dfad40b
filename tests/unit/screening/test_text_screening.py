from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.screening import (
    MAX_CHARACTERS,
    MAX_FINDINGS,
    Category,
    Finding,
    OriginText,
)
from chalicelib.errors import InvalidInput
from chalicelib.screening.policies import HARMFUL, masked_texts
from chalicelib.screening.rules import surest_findings
from chalicelib.screening.text_screening import CATEGORIES, LANGUAGES, screen
from tests.unit.screening.fakes import labelled, unmarked

PERSONAL: tuple[Category, ...] = ("personal-data",)
SURE = 0.5


def found(text: str, categories: Sequence[Category] = CATEGORIES) -> list[Finding]:
    given = [OriginText(text=text)]
    return [one for one in screen(given, categories) if one.score >= SURE]


@pytest.mark.parametrize("row", labelled("personal", "seen"), ids=lambda row: str(row["text"][:40]))
def test_personal_data_should_be_found_where_it_stands_and_nothing_else(
    row: dict[str, Any],
) -> None:
    text, spans = unmarked(row["text"])
    told = [(one.rule, one.start, one.end) for one in found(text, PERSONAL)]
    assert told == [(f"personal-data.{kind}", start, end) for kind, start, end in spans]


def test_personal_data_that_nobody_looked_at_before_should_be_found_as_often_as_is_told() -> None:
    rows = [unmarked(row["text"]) for row in labelled("personal", "held out")]
    marked = sum(len(spans) for _, spans in rows)
    told = [{(one.start, one.end) for one in found(text, PERSONAL)} for text, _ in rows]
    right = sum(
        (start, end) in mine
        for (_, spans), mine in zip(rows, told, strict=True)
        for _, start, end in spans
    )
    assert marked == 105
    assert right >= 103
    assert sum(map(len, told)) - right <= 2


@pytest.mark.parametrize("row", labelled("texts", "seen"), ids=lambda row: str(row["text"][:40]))
def test_harm_should_be_told_by_its_category_and_what_looks_like_it_not(
    row: dict[str, Any],
) -> None:
    told = {one.category for one in found(row["text"], HARMFUL)}
    assert row["category"] in told if row["category"] else not told


def test_harm_that_nobody_looked_at_before_should_be_found_as_often_as_is_told() -> None:
    rows = labelled("texts", "held out")
    right = [row for row in rows if row["category"]]
    hits = sum(row["category"] in {f.category for f in found(row["text"])} for row in right)
    wrong = sum(bool(found(row["text"], HARMFUL)) for row in rows if not row["category"])
    assert len(right) == 72
    assert hits >= 70
    assert wrong <= 2


def test_what_cannot_be_seen_should_hide_nothing_and_spans_be_those_of_the_text() -> None:
    account = "\uff24\uff25\uff18\uff19 3704\u00a00044 0532\u200b 0130 00"
    text = f"Pay to {account}, please; I\u2019ll k\u200bill you."
    iban, threat = found(text)
    assert (iban.rule, text[iban.start], text[iban.end - 1]) == (
        "personal-data.iban",
        "\uff24",
        "0",
    )
    assert threat.rule == "threat.intent"
    assert text[threat.start : threat.end] == "I\u2019ll k\u200bill you"


def test_a_number_that_many_things_could_be_should_count_by_the_words_around_it() -> None:
    assert found("The part is 943 476 5919.", PERSONAL) == []
    (told,) = found("The NHS number is 943 476 5919.", PERSONAL)
    assert told.rule == "personal-data.uk-nhs"


def test_findings_should_never_say_what_they_found() -> None:
    (told,) = found("Write to ada@example.org", PERSONAL)
    assert "ada" not in told.words


def test_every_category_should_say_its_languages() -> None:
    assert set(LANGUAGES) == set(CATEGORIES)


def test_texts_that_are_too_long_together_should_be_refused_with_their_limit() -> None:
    half = OriginText(text="a" * (MAX_CHARACTERS // 2 + 1))
    with pytest.raises(InvalidInput) as refused:
        screen([half, half], PERSONAL)
    assert refused.value.field == "texts"


def test_a_text_that_is_nothing_but_findings_should_be_refused_and_not_cut_short() -> None:
    mails = "a@b.de " * (MAX_FINDINGS + 1)
    with pytest.raises(InvalidInput) as refused:
        screen([OriginText(text=mails)], PERSONAL)
    assert refused.value.limit == f"{MAX_FINDINGS} findings"
    assert len(screen([OriginText(text="a@b.de " * MAX_FINDINGS)], PERSONAL)) == MAX_FINDINGS


def test_findings_below_the_least_score_should_not_be_told_however_many_there_are() -> None:
    numbers = OriginText(text="1 2 3 4 5 6 7, " * (MAX_FINDINGS + 1))
    assert screen([numbers], PERSONAL, 0.5) == ()


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 9), st.sampled_from([0.2, 0.5, 0.9])),
        max_size=12,
    )
)
def test_of_findings_that_overlap_the_surest_should_stay(
    places: list[tuple[int, int, float]],
) -> None:
    findings = [
        Finding(
            rule="r",
            category="threat",
            text=0,
            start=start,
            end=start + length,
            score=score,
            words="w",
        )
        for start, length, score in places
    ]
    kept = surest_findings(findings)
    assert all(one.end <= other.start for one, other in itertools.pairwise(kept))
    for one in findings:
        over = [each for each in kept if each.start < one.end and one.start < each.end]
        assert one in kept or any(each.score >= one.score for each in over)


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4))
def test_whatever_is_screened_spans_should_lie_in_the_text_and_in_order(texts: list[str]) -> None:
    given_texts = [OriginText(text=text, origin="untrusted") for text in texts]
    told = screen(given_texts, CATEGORIES)
    assert [one.text for one in told] == sorted(one.text for one in told)
    assert all(0 <= one.start < one.end <= len(texts[one.text]) for one in told)


@given(st.text("0123456789\u0663\u096a .-:+()x@AZ", max_size=60))
def test_whatever_digits_are_written_with_no_rule_should_stumble_over_them(text: str) -> None:
    told = screen([OriginText(text=text)], PERSONAL)
    assert all(0 <= one.start < one.end <= len(text) for one in told)


PIECES = st.sampled_from(
    [
        "ada@example.org",
        "DE89370400440532013000",
        "4111111111111111",
        "+44 20 7946 0958",
        "192.0.2.1",
    ]
)


@given(st.lists(st.tuples(st.sampled_from(["see ", "and ", "ab, "]), PIECES), max_size=8))
def test_nothing_that_was_found_should_stand_in_a_masked_text(parts: list[tuple[str, str]]) -> None:
    text = "; ".join(word + piece for word, piece in parts)
    told = found(text, PERSONAL)
    (masked,) = masked_texts([text], told)
    assert found(masked, PERSONAL) == []
    assert not any(piece in masked for _, piece in parts)
    assert masked.count("[") == len(parts)
