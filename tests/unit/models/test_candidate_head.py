from __future__ import annotations

import json

import numpy as np
import pytest

from chalicelib.retrieval.answer.answer_features import ANSWER_FEATURES
from chalicelib.retrieval.answer.answer_odds import ODDS_FEATURES, parse_answer_odds
from chalicelib.retrieval.answer.candidate_head import parse_candidate_head
from chalicelib.retrieval.answer.candidates import CANDIDATE_FEATURES
from models.candidate_head.__main__ import as_document, cross_validate, lists_of, odds_document
from models.candidate_head.listwise import CandidateLists, first_answers, learn_weights
from models.candidate_head.odds import OddsExample, right_at

QUESTIONS, EACH = 120, 4


def made_lists(width: int = 3, seed: int = 0) -> CandidateLists:
    """Lists whose first feature tells which candidate answers."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(QUESTIONS * EACH, width))
    right = np.arange(QUESTIONS) * EACH + rng.integers(EACH, size=QUESTIONS)
    answers = np.zeros(len(features), bool)
    answers[right] = True
    features[right, 0] += 4
    return CandidateLists(features, np.repeat(np.arange(QUESTIONS), EACH), answers, QUESTIONS)


def test_weights_should_tell_which_candidate_answers_an_unseen_question() -> None:
    weights = learn_weights(made_lists())
    assert weights[0] > 5 * abs(weights[1:]).max()
    unseen = made_lists(seed=7)
    scores = unseen.features @ weights
    assert first_answers(scores, unseen, 1) > 0.9
    assert first_answers(scores, unseen, EACH) == 1.0


def test_learning_should_give_the_same_weights_each_time() -> None:
    np.testing.assert_array_equal(learn_weights(made_lists()), learn_weights(made_lists()))


def test_scores_should_be_of_packages_that_were_not_learned_from() -> None:
    lists = made_lists()
    of_one, of_another = (
        cross_validate(lists, [f"package {at % count}" for at in range(QUESTIONS)])
        for count in (10, 5)
    )
    assert not np.array_equal(of_one, of_another)
    assert first_answers(of_one, lists, 1) > 0.9


def test_a_candidate_whose_context_alone_answers_should_take_no_part() -> None:
    rows = [[(0.0, 1.0)] * EACH]
    assert lists_of([(None, False, True, None)], rows).answers.tolist() == [False, True]


def test_written_odds_should_tell_which_sentences_answer() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(QUESTIONS, len(ODDS_FEATURES)))
    right = rng.random(QUESTIONS) < 1 / (1 + np.exp(1 - 4 * features[:, 0]))
    examples = [
        OddsExample(tuple(row.tolist()), bool(is_right), at % 3 == 0, f"package {at % 10}")
        for at, (row, is_right) in enumerate(zip(features, right, strict=True))
    ]
    written = odds_document(examples, {}, 1)
    odds = parse_answer_odds(json.dumps(written))
    values = [odds.of(each.features) for each in examples]
    assert np.corrcoef(values, features[:, 0])[0, 1] > 0.9
    near = sum(each.is_near_miss for each in examples)
    shares = [
        right_at(np.array(values), examples, share, QUESTIONS - near, near) for share in (0.0, 0.5)
    ]
    assert 0 < shares[0] < shares[1]


def test_a_written_head_should_give_the_scores_that_were_learned() -> None:
    lists = made_lists(len(ANSWER_FEATURES))
    weights = learn_weights(lists)
    selection = (1.0,) * len(CANDIDATE_FEATURES)
    head = parse_candidate_head(json.dumps(as_document(weights, selection, {}, 1)))
    rows = lists.features[:EACH]
    assert head.selection == selection
    assert head.scores([tuple(row) for row in rows.tolist()]) == pytest.approx(
        (rows @ weights).tolist(), abs=0.01
    )
