from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.retrieval.search.fusion import (
    RAISED_BEST_BM25,
    RANK_CONSTANT,
    IndexScores,
    ScoreFusion,
    explain_scores,
    term_coverage,
)


def fused_ranking(
    similarities: list[float], words: list[float], top: int
) -> tuple[list[IndexScores], list[tuple[int, int | None]]]:
    """Return what an index tells of its best `top`, and the true ranks of each."""

    def ranks(values: list[float]) -> dict[int, int]:
        order = sorted(range(len(values)), key=lambda at: (-values[at], at))
        return {at: rank for rank, at in enumerate(order, 1)}

    by_vector = ranks(similarities)
    matching = [at for at, score in enumerate(words) if score > 0]
    by_text = {
        at: rank
        for rank, at in enumerate(sorted(matching, key=lambda at: (-words[at], at)), start=1)
    }
    fused = {
        at: 1 / (RANK_CONSTANT + by_vector[at])
        + (1 / (RANK_CONSTANT + by_text[at]) if at in by_text else 0.0)
        for at in by_vector
    }
    best = sorted(fused, key=lambda at: (-fused[at], at))[:top]
    raws = [
        IndexScores(similarities[at], words[at] if at in by_text else None, fused[at])
        for at in best
    ]
    return raws, [(by_vector[at], by_text.get(at)) for at in best]


pairs = st.lists(
    st.tuples(
        st.floats(-1, 1, width=32), st.sampled_from([0.0, 0.0]) | st.floats(0.125, 20, width=32)
    ),
    min_size=1,
    max_size=40,
    unique_by=(lambda pair: pair[0],),
)


@given(pairs, st.integers(1, 40))
def test_a_rank_that_is_told_is_the_rank(scores: list[tuple[float, float]], top: int) -> None:
    similarities = [similarity for similarity, _ in scores]
    words = [score for _, score in scores]
    raws, truth = fused_ranking(similarities, words, top)
    for told, (vector, text) in zip(explain_scores(raws), truth, strict=True):
        assert told.vector is not None
        assert told.vector.rank in {None, vector}
        assert told.text is None or told.text.rank in {None, text}


def test_all_that_there_is_tells_all_ranks() -> None:
    raws, truth = fused_ranking([0.9, 0.5, 0.1], [0.0, 3.0, 1.0], top=3)
    told = explain_scores(raws)
    assert [
        (found.vector and found.vector.rank, found.text and found.text.rank) for found in told
    ] == truth


def test_a_hit_whose_better_ones_were_not_returned_has_no_rank() -> None:
    """The second by meaning was left out: the third seems the second, and does not add up."""
    third = IndexScores(similarity=0.5, bm25=None, fused=1 / (RANK_CONSTANT + 3))
    first = IndexScores(similarity=0.9, bm25=None, fused=1 / (RANK_CONSTANT + 1))
    best, last = explain_scores([first, third])
    assert best.vector is not None
    assert last.vector is not None
    assert (best.vector.rank, last.vector.rank) == (1, None)


@pytest.mark.parametrize("constant", [10, 61])
def test_an_index_that_counts_otherwise_is_told_no_ranks(constant: int) -> None:
    (found,) = explain_scores([IndexScores(0.9, 2.0, 2 / (constant + 1))])
    assert found.vector is not None
    assert found.vector.rank is None
    assert found.fused == 2 / (constant + 1)


def test_numbers_of_32_bits_are_near_enough() -> None:
    (found,) = explain_scores([IndexScores(0.9, 2.0, 0.03278688)])
    assert found.text is not None
    assert found.text.rank == 1


def test_a_search_by_meaning_alone_is_its_own_ranking() -> None:
    told = explain_scores([IndexScores(similarity=0.9), IndexScores(similarity=0.4)])
    assert [found.vector and found.vector.rank for found in told] == [1, 2]
    assert all(found.text is None and found.fused is None for found in told)


def test_the_only_passage_that_has_an_unknown_name_leads() -> None:
    """No vector fits a name that the model does not know: all similarities are low and near."""
    hits = [IndexScores(0.31 - n / 1_000, None, 1 / (RANK_CONSTANT + n)) for n in range(1, 60)]
    named = IndexScores(None, 3.5, 1 / (RANK_CONSTANT + 1))
    fusion = ScoreFusion.of([*hits, named])
    assert fusion.score(named) > max(map(fusion.score, hits))


def test_rare_words_count_for_more_than_common_ones() -> None:
    """Two queries whose best hits by words are far from those by meaning."""
    near = IndexScores(0.6, None, 1 / (RANK_CONSTANT + 1))
    of_common, of_rare = (
        IndexScores(0.3, bm25, 1 / (RANK_CONSTANT + 1)) for bm25 in (RAISED_BEST_BM25 - 1, 15.0)
    )
    by_common, by_rare = ScoreFusion.of([near, of_common]), ScoreFusion.of([near, of_rare])
    assert by_common.score(of_common) < by_common.score(near)
    assert by_rare.score(of_rare) > by_rare.score(near)


def test_one_word_of_many_in_a_small_index_does_not_pass_a_nearer_passage() -> None:
    """Of "people who may not be alone underground", among 25 passages: the figures of a search."""
    question = ["peopl", "alon", "underground"]
    near = IndexScores(0.179, None, 1 / 61, term_coverage(question, "lone worker shaft"))
    by_one_word = IndexScores(0.035, 3.52, 1 / 62, term_coverage(question, "underground powerhous"))
    by_name = IndexScores(-0.029, 2.45, 1 / 62, term_coverage(["stahlbau"], "stahlbau weber"))
    weak, strong = ScoreFusion.of([near, by_one_word]), ScoreFusion.of([near, by_name])
    assert weak.score(near) > weak.score(by_one_word)
    assert strong.score(by_name) > strong.score(IndexScores(0.1, None, 1 / 61))


def test_coverage_counts_each_term_once() -> None:
    assert term_coverage(["a", "b", "c"], "a a b d") == 2 / 3
    assert term_coverage([], "a") == 0.0


def test_where_no_word_is_found_the_similarity_orders() -> None:
    near, far = IndexScores(0.4, None, 1 / 61), IndexScores(0.2, None, 1 / 62)
    fusion = ScoreFusion.of([near, far])
    assert fusion.score(near) > fusion.score(far)


def test_a_search_by_meaning_alone_scores_its_similarity() -> None:
    hits = [IndexScores(similarity=0.9), IndexScores(similarity=-0.4)]
    assert [ScoreFusion.of(hits).score(hit) for hit in hits] == [0.9, -0.4]
