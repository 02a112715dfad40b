"""Verdicts, on likenesses that say only which words are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.functions.check_support import ClaimVerdict, Doubt
from chalicelib.retrieval.answer.support.verdict import ParsedSource, judge_claim
from chalicelib.retrieval.text.parsed_text import ParsedText, parse_text
from chalicelib.retrieval.text.sentences import split_sentences

ALIKE = ({"tested", "checked"}, {"cost", "price"}, {"open", "closed"})


def same_words(claim: ParsedText, sentence: ParsedText) -> list[list[float]]:
    """Return 1 for the same stem, 0.7 for a pair of synonyms, and 0.1 else."""

    def cosine(one: str, other: str) -> float:
        return 0.7 if any({one, other} <= pair for pair in ALIKE) else 0.1

    return [
        [
            1.0 if mine.stem == its.stem else cosine(mine.folded, its.folded)
            for its in sentence.words
        ]
        for mine in claim.words
    ]


def passage(text: str, id: int = 0) -> ParsedSource:  # noqa: A002
    spans = tuple(split_sentences(text))
    sentences = tuple(parse_text(text[span.start : span.end]) for span in spans)
    return ParsedSource(id, sentences, spans, tuple(range(len(spans))))


def verdict(claim: str, text: str) -> ClaimVerdict:
    return judge_claim(parse_text(claim), [passage(text)], same_words)


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("The pump was tested in May 2020.", "In May 2020 the pump was checked."),
        ("Kern lost the vote to Sand.", "Sand won the vote against Kern."),
        ("The dog was bitten by the cat.", "The cat has bitten the dog."),
        ("The bridge is not open.", "The bridge is closed."),
        ("Cars may not enter.", "Cars may not enter."),
        ("The pump costs 5 euros.", "The old pump costs 5 euros and the new one 9 euros."),
        ("Wait 10 minutes after the test.", "After the test wait 10 minutes."),
        ("The firm Kern processes the data.", "The data is processed by the firm Kern."),
        ("The widow gave the picture away.", "The picture was given away by the widow."),
        ("The sum is paid back in 6 months.", "The sum is 5 euros and is paid back in 6 months."),
        ("The shop is open until May.", "The shop is open till the end of May."),
        ("Kern moved the stone from Linz to Graz.", "Kern moved the stone from Linz to Graz."),
        ("The pump runs more than 5 hours.", "The pump runs 6 hours."),
        ("More juice was made than in 2020.", "We made juice, more of it than in 2020."),
        ("All of the money is returned.", "The money is returned in full."),
    ],
)
def test_should_let_through_what_a_source_says(claim: str, text: str) -> None:
    assert verdict(claim, text).reasons == ()


@pytest.mark.parametrize(
    ("claim", "text", "reason"),
    [
        ("Cars may enter.", "Cars may not enter.", Doubt.NEGATION),
        ("The bridge is open.", "The bridge is closed.", Doubt.RELATION_CHANGED),
        ("The bridge is safe.", "The bridge is unsafe.", Doubt.RELATION_CHANGED),
        ("Kern won the vote against Sand.", "Sand won the vote against Kern.", "relation_changed"),
        ("The cat was bitten by the dog.", "The cat has bitten the dog.", Doubt.RELATION_CHANGED),
        (
            "The members must attend.",
            "The members may attend.",
            Doubt.OVERSTATED,
        ),
        ("All members attend.", "Some members attend.", Doubt.OVERSTATED),
        (
            "Fire is covered.",
            "Fire is covered only if the module was bought.",
            Doubt.OVERSTATED,
        ),
        (
            "The new pump costs 5 euros.",
            "The old pump costs 5 euros and the new pump costs 9 euros.",
            Doubt.NUMBER_MISSING,
        ),
        (
            "The tenant pays for large repairs.",
            "The landlord pays for large repairs; the tenant pays for small repairs.",
            Doubt.RELATION_CHANGED,
        ),
        (
            "The steel came from Passau.",
            "The steel came from Linz, the sand came from Passau.",
            Doubt.NAME_MISSING,
        ),
        ("The pump was stolen by a diver.", "The pump was checked.", Doubt.NOT_COVERED),
        (
            "The pump was tested, and the crew ate a cake.",
            "The pump was tested in May.",
            Doubt.HALF_SUPPORTED,
        ),
        (
            "The pump was tested and painted.",
            "The pump was tested in May.",
            Doubt.HALF_SUPPORTED,
        ),
        (
            "The data is processed for the firm Kern.",
            "The data is processed by the firm Kern.",
            Doubt.RELATION_CHANGED,
        ),
        (
            "The museum gave the pictures to the widow.",
            "The pictures were given to the museum by the widow.",
            Doubt.RELATION_CHANGED,
        ),
        (
            "The fair moves from May to June.",
            "The fair moves from June to May.",
            Doubt.RELATION_CHANGED,
        ),
        ("The bee is fed from May on.", "The bee is fed until May.", Doubt.DATE_MISSING),
        (
            "The library is open until 16:00 on Fridays.",
            "The library is open until 16:00, on Fridays until 14:00.",
            Doubt.DATE_MISSING,
        ),
        (
            "The card arrives the next day.",
            "The card arrives within five days.",
            Doubt.NUMBER_MISSING,
        ),
        (
            "The bank acts when one rate is missed.",
            "The bank acts when two rates are missed.",
            Doubt.NUMBER_MISSING,
        ),
        (
            "The pump runs longer than the fan.",
            "The pump runs four weeks and the fan runs two.",
            Doubt.RELATION_CHANGED,
        ),
        (
            "More juice was pressed than in 2020.",
            "The club pressed juice, less of it than in 2020.",
            Doubt.RELATION_CHANGED,
        ),
        ("Version 4 adds the tool.", "Version 4 drops the tool.", Doubt.RELATION_CHANGED),
        ("Cages need a permit.", "All rooms apart from cages need a permit.", Doubt.NEGATION),
        ("", "The pump was tested.", Doubt.NOT_COVERED),
        ("It is so.", "It is so.", Doubt.NOT_COVERED),
    ],
)
def test_should_say_why_a_claim_is_not_held_up(claim: str, text: str, reason: Doubt) -> None:
    found = verdict(claim, text)
    assert not found.supported
    assert reason in found.reasons


def test_should_name_the_source_that_holds_up_a_claim_and_the_place_in_it() -> None:
    text = "It rained. The pump was made in 2011. The dog slept."
    found = judge_claim(
        parse_text("The pump was made in 2011."),
        [passage("The sun shone.", id=4), passage(text, id=9)],
        same_words,
    )
    assert (found.supported, found.source) == (True, 9)
    assert text[found.start : found.end] == "The pump was made in 2011."


def test_should_quote_every_sentence_that_tells_a_figure_of_the_claim() -> None:
    text = "Lena Falk came in April. It was warm. She tested the pump."
    found = verdict("Lena Falk tested the pump.", text)
    assert found.supported
    assert text[found.start : found.end] == text


def test_should_rest_on_nothing_where_there_is_no_sentence() -> None:
    found = judge_claim(parse_text("The pump hums."), [passage("")], same_words)
    assert (found.supported, found.source, found.score) == (False, None, 0)


def test_should_let_a_claim_use_the_words_of_the_question() -> None:
    claim, source = parse_text("The price of the pump is 5 euros."), [passage("It is 5 euros.")]
    asked = frozenset({"pric", "pump", "price"})
    assert not judge_claim(claim, source, same_words).supported
    assert judge_claim(claim, source, same_words, asked).supported


@given(st.text(max_size=120), st.text(max_size=200))
def test_should_judge_any_text(claim: str, text: str) -> None:
    found = verdict(claim, text)
    assert 0 <= found.score <= 1
    assert 0 <= found.start <= found.end <= len(text)
    assert found.supported is not bool(found.reasons)
