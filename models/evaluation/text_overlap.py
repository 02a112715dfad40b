"""BLEU, chrF and ROUGE of generated texts, by sacrebleu and rouge-score.

BLEU: K. Papineni et al., 2002, https://aclanthology.org/P02-1040, by sacrebleu (M. Post, 2018).
chrF: M. Popović, 2015, https://aclanthology.org/W15-3049, by sacrebleu.
ROUGE: C.-Y. Lin, 2004, https://aclanthology.org/W04-1013, by Google's rouge-score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.bleu import MAX_NGRAM_ORDER

from models.evaluation.intervals import ConfidenceInterval, group_sums, mean_interval
from models.training_data.row_groups import RowGroups

_RESAMPLES = 1000
_LEVELS = (2.5, 97.5)
_SEED = 0
_KINDS = ("rouge1", "rougeL")


def overlap(written: Sequence[str], wanted: Sequence[str], prefix: str = "") -> dict[str, float]:
    """Return `bleu`, `rouge1` and `rougeL` of n texts, each with its 95 % interval.

    Raises ValueError where there are not as many of both, or none.
    """
    if len(written) != len(wanted) or not written:
        raise ValueError(f"{len(written)} texts cannot be judged by {len(wanted)}.")
    numbers = bleu(written, wanted).numbers(f"{prefix}bleu")
    for kind, values in rouge(written, wanted).items():
        numbers |= mean_interval(values).numbers(f"{prefix}{kind}")
    return numbers


def bleu(
    written: Sequence[str], wanted: Sequence[str], groups: RowGroups | None = None
) -> ConfidenceInterval:
    """Return the BLEU of a corpus, 0 to 100, with a bootstrap over its texts, or their groups.

    A corpus whose texts have fewer than four words has no 4-grams, and a BLEU of 0. Where none of
    some length is right, the library's smoothing counts a share of one.
    """
    metric = BLEU()
    counts = np.array([_counts(metric, *pair) for pair in zip(written, wanted, strict=True)])
    if groups is not None:
        counts = group_sums(counts, groups)
    size = len(counts)
    drawn = np.random.default_rng(_SEED).multinomial(size, np.full(size, 1 / size), _RESAMPLES)
    again = [_score(each) for each in drawn @ counts]
    low, high = np.percentile(again, _LEVELS)
    return ConfidenceInterval(_score(counts.sum(axis=0)), float(low), float(high))


def chrf(written: Sequence[str], wanted: Sequence[str]) -> NDArray[np.float64]:
    """Return the F2 of each text's character n-grams, up to six characters long, [n], 0 to 1."""
    metric = CHRF()
    pairs = zip(written, wanted, strict=True)
    return np.array([metric.sentence_score(one, [other]).score / 100 for one, other in pairs])


def rouge(written: Sequence[str], wanted: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return two F-measures per text, [n], 0 to 1: by words, and by longest subsequence."""
    scorer = RougeScorer(list(_KINDS))
    told = [scorer.score(one, other) for one, other in zip(wanted, written, strict=True)]
    return {kind: np.array([each[kind].fmeasure for each in told]) for kind in _KINDS}


def _counts(metric: BLEU, written: str, wanted: str) -> NDArray[np.float64]:
    """Return the BLEU counts of one text, which add up to those of the corpus.

    They are matching n-grams and all n-grams, [4] each, and the lengths of both texts.
    """
    found = metric.corpus_score([written], [[wanted]])
    return np.array([*found.counts, *found.totals, found.sys_len, found.ref_len], np.float64)


def _score(counts: NDArray[np.float64]) -> float:
    whole = [int(each) for each in counts]
    right, of = whole[:MAX_NGRAM_ORDER], whole[MAX_NGRAM_ORDER : 2 * MAX_NGRAM_ORDER]
    lengths = whole[2 * MAX_NGRAM_ORDER :]
    found = BLEU.compute_bleu(right, of, *lengths, smooth_method="exp")
    return float(found.score)
