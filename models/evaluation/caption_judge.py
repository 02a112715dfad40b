"""Whether drawn pictures show what their captions say, by a judge that is fitted on real ones.

The judge tells from a picture's pixels which words its caption has, and is right about a picture if
the caption's words fit it better than those of up to nine others do: by chance in a tenth of the
cases. It is measured on held-out pictures too, so that what it cannot tell of those is held against
no model.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from chalicelib.inference.vocabulary import PromptVocabulary
from models.data.images import to_network
from models.data.picture_files import Pictures, shrunk

_SIDE = 16
_HIDDEN, _PENALTY, _EPOCHS = 64, 1e-2, 200
_LEAST_ROWS = 2
_LEAST_CHANCE = 1e-6
_OTHERS, _EVEN = 9, 1e-9


@dataclass(frozen=True, slots=True)
class CaptionJudge:
    """A judge that knows `words`, which may be none."""

    words: tuple[str, ...]
    classifier: _WordClassifier

    def right(self, pictures: Pictures, captions: Sequence[str], seed: int) -> NDArray[np.float64]:
        """Return whether each picture fits its caption best, [n]: 1, 0, or a share where some tie.

        The others are those of the rows, each caption once: nine drawn by the seed, if there are
        more.
        """
        if not self.words:
            return np.full(len(pictures), 1 / min(len({*captions}), _OTHERS + 1))
        chances = self.classifier.chances(_flat(pictures))
        odds = np.log(chances) - np.log1p(-chances)
        rng, distinct = np.random.default_rng(seed), sorted({*captions})
        found = []
        for own, row in zip(captions, odds, strict=True):
            others = [text for text in distinct if text != own]
            drawn = rng.permutation(len(others))[:_OTHERS]
            fits = _has([own, *(others[at] for at in drawn)], self.words) @ row
            best = fits >= fits.max() - _EVEN
            found.append(best[0] / best.sum())
        return np.array(found, np.float64)


def fit_caption_judge(pictures: Pictures, captions: Sequence[str]) -> CaptionJudge:
    """Fit a judge on pictures and their captions; deterministic.

    Words of one caption or of all tell pictures apart for nobody, and are left out.
    """
    counts = Counter(word for text in captions for word in {*PromptVocabulary.words(text)})
    words = tuple(
        sorted(word for word, count in counts.items() if _LEAST_ROWS <= count < len(captions))
    )
    return CaptionJudge(words, _WordClassifier(_flat(pictures), _has(captions, words)))


class _WordClassifier:
    """A small perceptron with an output a word."""

    def __init__(self, pixels: NDArray[np.float32], has: NDArray[np.float64]) -> None:
        # Imported on use: it would delay the start of a training job by a second.
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        self._fitted = MLPClassifier((_HIDDEN,), alpha=_PENALTY, max_iter=_EPOCHS, random_state=0)
        if not has.shape[1]:
            return
        with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._fitted.fit(pixels, has)

    def chances(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the chance of each word, [n, words]."""
        found = np.asarray(self._fitted.predict_proba(pixels), np.float64)
        if found.shape[1] == 2 and self._fitted.n_outputs_ == 1:
            found = found[:, 1:]
        return np.clip(found, _LEAST_CHANCE, 1 - _LEAST_CHANCE)


def _flat(pictures: Pictures) -> NDArray[np.float32]:
    return to_network(shrunk(pictures, _SIDE)).reshape(len(pictures), -1)


def _has(captions: Sequence[str], words: Sequence[str]) -> NDArray[np.float64]:
    """Return which caption has which word, [captions, words]."""
    sets = [{*PromptVocabulary.words(text)} for text in captions]
    return np.array([[float(word in each) for word in words] for each in sets])
