"""A judge of pictures: a small classifier of real ones, whose hidden layer gives features."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from threadpoolctl import threadpool_limits

from models.common.images import Images, to_network

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier

Pictures = NDArray[np.uint8]
"""[n, height, width, channels]."""

_HIDDEN = 64
_PENALTY = 1e-2
_EPOCHS = 200
_STEADY = 1e-6


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows the classes of a data set. `accuracy` is its own on pictures held out."""

    classifier: MLPClassifier
    accuracy: float

    def classes(self, pictures: Pictures) -> NDArray[np.int64]:
        """Return the class of each picture, [n]."""
        told: NDArray[np.int64] = self.classifier.predict(_flat(pictures))
        return told

    def features(self, pictures: Pictures) -> NDArray[np.float64]:
        """Return the hidden layer's activations, [n, 64]."""
        weights, bias = self.classifier.coefs_[0], self.classifier.intercepts_[0]
        hidden: NDArray[np.float64] = _flat(pictures) @ weights + bias
        return np.maximum(hidden, 0.0)


_judges: dict[str, Judge] = {}


def judge_of(images: Images) -> Judge:
    """Return the judge of a data set, fitted on what models train on; it is fitted once."""
    of = _hash(images)
    if of not in _judges:
        _judges[of] = _fitted(images)
    return _judges[of]


def _hash(images: Images) -> str:
    whole = hashlib.sha256()
    for split in (images.train, images.test):
        whole.update(split.images.tobytes())
        whole.update(split.labels.tobytes())
    return whole.hexdigest()


def _fitted(images: Images) -> Judge:
    """Fit a judge, and hold it to what is held out. Always the same one.

    One thread multiplies its matrices: they are so small that several would mostly wait for one
    another, and where they part a sum decides how it is rounded.
    """
    # Imported when it judges, as a job that trains would begin a second later by it.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier((_HIDDEN,), alpha=_PENALTY, max_iter=_EPOCHS, random_state=0)
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(_flat(images.train.images), images.train.labels)
    held_out = classifier.score(_flat(images.test.images), images.test.labels)
    return Judge(classifier, float(held_out))


def frechet(some: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the Fréchet distance of two sets of features, [n, d] and [m, d], as of two Gaussians.

    |mean difference|^2 + trace(A + B - 2 (A B)^(1/2)).
    M. Heusel et al., GANs trained by a two time-scale update rule, https://arxiv.org/abs/1706.08500
    """
    mean = some.mean(axis=0) - others.mean(axis=0)
    one, other = np.cov(some, rowvar=False), np.cov(others, rowvar=False)
    steady = np.eye(len(one)) * _STEADY
    root = sqrtm((one + steady) @ (other + steady)).real
    return float(mean @ mean + np.trace(one + other - 2 * root))


def _flat(pictures: Pictures) -> NDArray[np.float32]:
    return to_network(pictures).reshape(len(pictures), -1)
