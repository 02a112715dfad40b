"""Metrics of classes, spans and results, against scikit-learn's and CoNLL's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, matthews_corrcoef, ndcg_score

from models.evaluation.classification import (
    accuracy,
    class_numbers,
    confusion,
    macro_f1,
    matthews,
)
from models.evaluation.entities import (
    entity_counts,
    f1_by_class,
    f1_gain,
    f1_interval,
)
from models.evaluation.retrieval import ndcg
from models.training_data.tagged_texts import Entity, TaggedPart, entities_of, lookup, token_tags

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60)


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(ROWS)
def test_metrics_should_be_those_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    wanted, told = np.array(rows).T
    counts = confusion(wanted, told, 4)
    assert float(accuracy(counts)) == pytest.approx(float((wanted == told).mean()))
    assert float(macro_f1(counts)) == pytest.approx(f1_score(wanted, told, average="macro"))
    assert float(matthews(counts)) == pytest.approx(matthews_corrcoef(wanted, told), abs=1e-9)


def test_chance_and_a_constant_answer_should_correlate_with_nothing() -> None:
    drawing = np.random.default_rng(3)
    wanted = (drawing.random(4000) < 0.1).astype(np.int64)
    rows, nothing = np.arange(4000), np.zeros_like(wanted)
    by_chance = class_numbers(wanted, drawing.permutation(wanted), 2, rows)
    constant = class_numbers(wanted, nothing, 2, rows)
    assert by_chance["matthews_low"] < 0
    assert abs(by_chance["matthews"]) < 0.05
    assert accuracy(confusion(wanted, nothing, 2)) > 0.88
    assert constant["matthews_low"] == constant["matthews_high"] == 0


def test_an_interval_should_hold_what_is_measured_anew() -> None:
    drawing = np.random.default_rng(5)
    wanted = drawing.integers(0, 3, 20_000)
    told = np.where(drawing.random(20_000) < 0.7, wanted, drawing.integers(0, 3, 20_000))
    whole = float(macro_f1(confusion(wanted, told, 3)))
    inside = 0
    for at in range(0, 20_000, 200):
        some = slice(at, at + 200)
        found = class_numbers(wanted[some], told[some], 3, np.arange(200))
        inside += found["macro_f1_low"] <= whole <= found["macro_f1_high"]
    assert 88 <= inside <= 100


def test_copies_of_a_row_in_its_group_should_tell_nothing_new() -> None:
    drawing = np.random.default_rng(6)
    wanted = drawing.integers(0, 3, 60)
    told = np.where(drawing.random(60) < 0.7, wanted, drawing.integers(0, 3, 60))
    once = class_numbers(wanted, told, 3, np.arange(60))
    again = np.repeat([wanted, told, np.arange(60)], 5, axis=1)
    assert class_numbers(again[0], again[1], 3, again[2]) == pytest.approx(once)
    alone = class_numbers(again[0], again[1], 3, np.arange(300))
    assert alone["macro_f1_low"] > once["macro_f1_low"] + 0.05


def spans(*told: tuple[int, int, str]) -> frozenset[Entity]:
    return frozenset(Entity(*each) for each in told)


def test_entity_f1_should_count_as_conll_does() -> None:
    """The example in seqeval's own documentation: one of two is exact, the other too long."""
    wanted = [spans((3, 6, "MISC")), spans((0, 2, "PER"))]
    told = [spans((2, 6, "MISC")), spans((0, 2, "PER"))]
    found = f1_interval(entity_counts(wanted, told))
    assert found.mean == 0.5
    assert f1_by_class(wanted, told) == {"MISC": 0.0, "PER": 1.0}
    assert f1_interval(entity_counts([frozenset()], [frozenset()])).mean == 0


def test_a_gain_should_be_paired_by_text() -> None:
    wanted = [spans((0, 2, "A"))] * 50 + [spans((1, 3, "A"))] * 50
    better = [spans((0, 2, "A"))] * 50 + [frozenset()] * 50
    same = f1_gain(entity_counts(wanted, better), entity_counts(wanted, better))
    gained = f1_gain(entity_counts(wanted, wanted), entity_counts(wanted, better))
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    assert gained.low > 0.2


TEXT = "ah Annet bay"
OFFSETS = [(0, 0), (0, 2), (3, 6), (6, 8), (9, 12), (0, 0)]


def test_tags_should_give_the_spans_that_they_were_made_of() -> None:
    labels = ("A", "B")
    entities = spans((0, 2, "A"), (3, 8, "B"), (9, 12, "B"))
    tags = token_tags(OFFSETS, entities, labels)
    assert tags == [-100, 1, 3, 4, 3, -100]
    assert entities_of(TEXT, OFFSETS, tags, labels) == entities


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        # An I- without a beginning begins; another class ends a span; I- of a class goes on.
        ([0, 2, 0, 4, 4, 0], spans((0, 2, "A"), (6, 12, "B"))),
        ([0, 1, 4, 0, 0, 0], spans((0, 2, "A"), (3, 6, "B"))),
        ([0, 1, 1, 2, 0, 0], spans((0, 2, "A"), (3, 8, "A"))),
        ([0, 1, 0, 2, 0, 0], spans((0, 2, "A"), (6, 8, "A"))),
    ],
)
def test_tags_that_are_no_whole_spans_should_be_read_all_the_same(
    tags: list[int], told: frozenset[Entity]
) -> None:
    assert entities_of(TEXT, OFFSETS, tags, ("A", "B")) == told


def test_a_span_should_begin_with_its_word_where_a_token_begins_with_the_space_before() -> None:
    """As Metaspace and a byte-level tokenizer without trimming have it."""
    offsets, entities = [(0, 0), (0, 2), (2, 6), (6, 8), (8, 12)], spans((3, 8, "A"))
    tags = token_tags(offsets, entities, ("A",))
    assert entities_of(TEXT, offsets, tags, ("A",)) == entities


def test_a_list_should_tell_the_spans_that_training_had() -> None:
    part = TaggedPart(
        ["ask Ann Lee", "Ann may", "may Bo"],
        [spans((4, 11, "P")), spans((0, 3, "P")), spans((4, 6, "P"))],
        np.arange(3),
    )
    told = lookup(part, ["Ann Lee and Bobo may see Bo", "Annex"])
    assert told == [spans((0, 7, "P"), (25, 27, "P")), frozenset()]


def test_ndcg_should_be_that_of_scikit_learn() -> None:
    drawing = np.random.default_rng(2)
    queries = drawing.normal(size=(20, 8)).astype(np.float32)
    items = drawing.normal(size=(40, 8)).astype(np.float32)
    answers = [frozenset(drawing.choice(40, size=3, replace=False).tolist()) for _ in range(20)]
    truth = np.array([[float(at in each) for at in range(40)] for each in answers])
    found = ndcg(queries, items, answers, 10)
    wanted = [
        ndcg_score(truth[row : row + 1], (queries @ items.T)[row : row + 1], k=10)
        for row in range(20)
    ]
    assert found == pytest.approx(wanted)


def test_vectors_that_are_alike_or_not_finite_should_find_nothing() -> None:
    same = np.ones((3, 4), np.float32)
    answers = [frozenset({0}), frozenset({1}), frozenset({2})]
    assert ndcg(same, np.ones((30, 4), np.float32), answers, 10).tolist() == [0, 0, 0]
    broken = same * np.float32("nan")
    assert ndcg(broken, same, answers, 10).tolist() == [0, 0, 0]
