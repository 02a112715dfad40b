"""Answers that need no model, which a model that answers has to beat.

`copied` repeats the question, `frequent` always gives the commonest answer of the training rows,
and `nearest` gives the answer of the training row whose question has the most alike characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

MAX_COMPARED = 20_000
"""The most training rows among which the nearest is looked for."""

_NGRAMS = (1, 4)
_AT_ONCE = 256


def baseline_answers(
    questions: Sequence[str], answers: Sequence[str], asked: Sequence[str], seed: int = 0
) -> Mapping[str, Sequence[str]]:
    """Return the answers of each baseline to what is `asked`, by its name.

    Args:
        questions: of the training rows.
        answers: of the training rows.
        asked: the questions of the held-out rows.
        seed: draws the training rows that are compared, of more than MAX_COMPARED.
    """
    ((frequent, _),) = Counter(answers).most_common(1)
    drawn = np.random.default_rng(seed).permutation(len(questions))[:MAX_COMPARED]
    nearest = _nearest([questions[at] for at in drawn], asked)
    return {
        "copied": list(asked),
        "frequent": [frequent] * len(asked),
        "nearest": [answers[drawn[at]] for at in nearest],
    }


def _nearest(questions: Sequence[str], asked: Sequence[str]) -> list[int]:
    """Return the row of `questions` that is most like each of `asked`.

    By the cosine of tf-idf vectors of character n-grams within words.
    """
    # Imported on use: it would delay the start of a training job.
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(
        analyzer="char_wb", ngram_range=_NGRAMS, token_pattern=None, sublinear_tf=True
    )
    known = vectors.fit_transform(questions)
    found: list[int] = []
    for first in range(0, len(asked), _AT_ONCE):
        given = vectors.transform(asked[first : first + _AT_ONCE])
        found += np.asarray((given @ known.T).argmax(axis=1)).ravel().tolist()
    return found
