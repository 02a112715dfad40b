"""BLEU and ROUGE: the libraries' numbers, with intervals that hold them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from chalicelib.evaluation.graders import overlap as graders
from models.evaluation.text_overlap import bleu, overlap, rouge

WANTED = ["a large red star on white", "a small blue circle on black ground", "a grey square"] * 20
WRITTEN = ["a large red star on black", "a small blue ring on black ground", "a grey square"] * 20

texts = st.lists(st.sampled_from(["red", "star", "on", "a", "grey"]), min_size=1, max_size=8)
VARIANTS = ("rouge1", "rouge2", "rougeL")
SENTENCE_BLEU = sacrebleu.BLEU(effective_order=True)
words = st.sampled_from(
    [
        "the",
        "Weir",
        "closed",
        "at",
        "5.30",
        "1,200",
        "co-op",
        "3-4",
        "isn't",
        '"so"',
        "x_y",
        "&amp;",
        ".",
    ]
)
prose = st.lists(words, max_size=14).map(" ".join)
pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=5)


def test_what_is_wanted_should_have_all_of_it() -> None:
    told = overlap(WANTED, WANTED)
    assert told["bleu"] == told["bleu_low"] == told["bleu_high"] == pytest.approx(100)
    assert told["rouge1"] == told["rougeL"] == 1


def test_intervals_should_hold_their_numbers() -> None:
    told = overlap(WRITTEN, WANTED, "caption_")
    for name in ("caption_bleu", "caption_rouge1", "caption_rougeL"):
        assert told[f"{name}_low"] < told[name] < told[f"{name}_high"]


@settings(max_examples=50, deadline=None)
@given(pairs)
def test_bleu_should_be_the_librarys_of_the_whole_corpus(
    rows: list[tuple[list[str], list[str]]],
) -> None:
    written, wanted = ([" ".join(row[side]) for row in rows] for side in (0, 1))
    library = sacrebleu.corpus_bleu(written, [wanted]).score
    assert bleu(written, wanted).mean == pytest.approx(library)


def test_copies_of_a_text_in_its_group_should_tell_nothing_new() -> None:
    written, wanted = ["a b c d e f"] * 3 + ["a b c d x y"] * 3, ["a b c d e f"] * 6
    once = bleu(written, wanted, np.arange(6))
    again = [[each for each in texts for _ in range(4)] for texts in (written, wanted)]
    grouped = bleu(again[0], again[1], np.repeat(np.arange(6), 4))
    assert (grouped.low, grouped.high) == pytest.approx((once.low, once.high))
    alone = bleu(again[0], again[1])
    assert alone.high - alone.low < 0.8 * (once.high - once.low)


def test_rouge_should_be_the_papers() -> None:
    # Lin, section 3: of "police killed the gunman", "police kill the gunman" has a longest common
    # subsequence of three of four words, and "the gunman kill police" one of two.
    wanted = ["police killed the gunman"] * 2
    told = rouge(["police kill the gunman", "the gunman kill police"], wanted)
    assert told["rougeL"].tolist() == [0.75, 0.5]
    assert told["rouge1"].tolist() == [0.75, 0.75]


def test_other_words_should_have_nothing() -> None:
    told = overlap(["something else here now"], ["a large red star"])
    assert told["rouge1"] == 0
    assert told["bleu"] < 15
    assert not math.isnan(told["bleu"])


@pytest.mark.parametrize(("written", "wanted"), [([], []), (["a"], []), (["a"], ["b", "c"])])
def test_texts_without_their_like_should_be_refused(written: list[str], wanted: list[str]) -> None:
    with pytest.raises(ValueError, match="cannot be judged by"):
        overlap(written, wanted)


@settings(max_examples=150, deadline=None)
@given(prose, prose)
def test_graders_should_have_the_numbers_of_the_libraries(answer: str, expected: str) -> None:
    scorer = RougeScorer([*VARIANTS])
    for variant, told in scorer.score(expected, answer).items():
        ours = graders.rouge(variant, answer, expected)
        assert ours["f1"] == pytest.approx(told.fmeasure)
        assert ours["recall"] == pytest.approx(told.recall)
        assert ours["precision"] == pytest.approx(told.precision)
    library = SENTENCE_BLEU.sentence_score(answer, [expected]).score / 100
    assert graders.bleu(answer, expected) == pytest.approx(library, abs=1e-9)
