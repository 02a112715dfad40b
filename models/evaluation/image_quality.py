"""A judge of pictures: a small classifier of real ones, whose hidden layer gives features."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.ndimage import laplace
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from models.data.images import Images, to_network
from models.evaluation.intervals import ConfidenceInterval, mean_interval
from models.failures import StaleJudge

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier


Pictures = NDArray[np.uint8]
"""[n, height, width, channels]."""

_HIDDEN = 64
_PENALTY = 1e-2
_EPOCHS = 200
_STEADY = 1e-6


@dataclass(frozen=True, slots=True)
class ImageClassifier:
    """A classifier of a data set; `accuracy` is measured on its held-out pictures.

    `data` is the sha256 of the pictures and labels of both parts.
    """

    classifier: MLPClassifier
    accuracy: float
    data: str

    @property
    def fingerprint(self) -> str:
        """Return the sha256 of its weights and its data: judges that differ judge differently."""
        whole = hashlib.sha256(self.data.encode())
        for each in (*self.classifier.coefs_, *self.classifier.intercepts_):
            whole.update(np.ascontiguousarray(each, np.float64).tobytes())
        return whole.hexdigest()

    def require(self, images: Images) -> None:
        """Raise StaleJudge unless it was fitted and measured on these pictures."""
        if (data := _hash(images)) != self.data:
            raise StaleJudge(
                f"The judge was fitted on the pictures {self.data[:12]}, and is asked about "
                f"{data[:12]}; fit one on these."
            )

    def classes(self, pictures: Pictures) -> NDArray[np.int64]:
        """Return the class of each picture, [n]."""
        told: NDArray[np.int64] = self.classifier.predict(_flat(pictures))
        return told

    def features(self, pictures: Pictures) -> NDArray[np.float64]:
        """Return the hidden layer's activations, [n, 64]."""
        weights, bias = self.classifier.coefs_[0], self.classifier.intercepts_[0]
        hidden: NDArray[np.float64] = _flat(pictures) @ weights + bias
        return np.maximum(hidden, 0.0)


_classifiers: dict[str, ImageClassifier] = {}


def image_classifier(images: Images) -> ImageClassifier:
    """Return the classifier of a data set, fitted once on its training pictures."""
    of = _hash(images)
    if of not in _classifiers:
        _classifiers[of] = _fit(images)
    return _classifiers[of]


def _hash(images: Images) -> str:
    whole = hashlib.sha256()
    for split in (images.train, images.test):
        whole.update(split.images.tobytes())
        whole.update(split.labels.tobytes())
    return whole.hexdigest()


def _fit(images: Images) -> ImageClassifier:
    """Fit a classifier and measure it on held-out pictures; deterministic.

    One thread multiplies its matrices: they are so small that several would mostly wait for one
    another, and where they part a sum decides how it is rounded.
    """
    # Imported on use: it would delay the start of a training job by a second.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier((_HIDDEN,), alpha=_PENALTY, max_iter=_EPOCHS, random_state=0)
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(_flat(images.train.images), images.train.labels)
    held_out = classifier.score(_flat(images.test.images), images.test.labels)
    return ImageClassifier(classifier, float(held_out), _hash(images))


def frechet_distance(some: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the Fréchet distance of two feature sets, [n, d] and [m, d], as of two Gaussians."""
    mean = some.mean(axis=0) - others.mean(axis=0)
    one, other = np.cov(some, rowvar=False), np.cov(others, rowvar=False)
    steady = np.eye(len(one)) * _STEADY
    root = sqrtm((one + steady) @ (other + steady)).real
    return float(mean @ mean + np.trace(one + other - 2 * root))


def _flat(pictures: Pictures) -> NDArray[np.float32]:
    return to_network(pictures).reshape(len(pictures), -1)


Features = NDArray[np.float64]
"""[n, d]."""


NEIGHBOURS = 3
"""The paper's k."""


@dataclass(frozen=True, slots=True)
class ImageCoverage:
    """Coverage of real pictures by draws; the means are precision and recall.

    `precise` says of each draw whether it is among real ones, [m]; `recalled` of each real one
    whether it is among draws, and `covered` whether a draw is near it, [n]. Their means are
    precision, recall and coverage.
    """

    precise: NDArray[np.bool_]
    recalled: NDArray[np.bool_]
    covered: NDArray[np.bool_]


def image_coverage(real: Features, drawn: Features, neighbours: int = NEIGHBOURS) -> ImageCoverage:
    """Compare features of real pictures, [n, d], with those of draws, [m, d].

    A point is among others if it is no further from one of them than that one's k-th nearest.

    Raises:
        ValueError: either has k rows or fewer, so that it has no k-th nearest.
    """
    fewest = min(len(real), len(drawn))
    if fewest <= neighbours:
        raise ValueError(f"Coverage needs more than {neighbours} rows of each, and has {fewest}.")
    apart = cdist(real, drawn)
    near_real = apart <= _reach(real, neighbours)[:, None]
    return ImageCoverage(
        precise=near_real.any(axis=0),
        covered=near_real.any(axis=1),
        recalled=(apart <= _reach(drawn, neighbours)[None, :]).any(axis=1),
    )


def _reach(points: Features, neighbours: int) -> NDArray[np.float64]:
    """Return how far each point's k-th nearest is; the nearest of all is the point itself."""
    reach: NDArray[np.float64] = np.partition(cdist(points, points), neighbours, axis=1)
    return reach[:, neighbours]


_FRECHET_RESAMPLES = 200


_LEVELS = (2.5, 97.5)


_SEED = 0


@dataclass(frozen=True, slots=True)
class ImageQuality:
    """Metrics of drawn pictures.

    `fid` is the Fréchet distance by the judge's features; `precision` the
    share of draws among real pictures, and `recall` that of real ones among draws; `sharpness` the
    contrast between neighbouring pixels, of which real pictures have 1. `classes` counts what the
    judge tells of the draws, and `rarest_class` is the share of the rarest.
    """

    fid: ConfidenceInterval
    precision: ConfidenceInterval
    recall: ConfidenceInterval
    sharpness: ConfidenceInterval
    classes: int
    rarest_class: float


def image_quality(
    judge: ImageClassifier, real: Pictures, drawn: Pictures, classes: int
) -> ImageQuality:
    """Compare draws with real pictures of `classes` classes; intervals are of 95 %.

    Those of precision and recall resample pictures within what either set covers, and that of
    sharpness resamples draws. Raises ValueError for fewer pictures than coverage needs.
    """
    of_real, of_drawn = judge.features(real), judge.features(drawn)
    covered = image_coverage(of_real, of_drawn)
    shares = np.bincount(judge.classes(drawn), minlength=classes) / len(drawn)
    return ImageQuality(
        fid=frechet_interval(of_real, of_drawn),
        precision=mean_interval(covered.precise.astype(np.float64)),
        recall=mean_interval(covered.recalled.astype(np.float64)),
        sharpness=mean_interval(laplacian_contrast(drawn) / laplacian_contrast(real).mean()),
        classes=int(np.count_nonzero(shares)),
        rarest_class=float(shares.min()),
    )


def frechet_interval(real: NDArray[np.float64], drawn: NDArray[np.float64]) -> ConfidenceInterval:
    """Return the Fréchet distance of features, with a bootstrap interval over draws.

    Rows that come twice make a set of draws narrower and so add to the distance. The interval is
    therefore that of the resampled distances around their own mean, put around the distance.
    """
    found = frechet_distance(drawn, real)
    centre, root = real.mean(axis=0), _matrix_root(np.cov(real, rowvar=False))
    chance = np.random.default_rng(_SEED)
    rows = chance.integers(len(drawn), size=(_FRECHET_RESAMPLES, len(drawn)))
    again = np.array([_frechet_with_root(drawn[each], centre, root) for each in rows])
    low, high = np.percentile(again - again.mean(), _LEVELS)
    return ConfidenceInterval(found, max(0.0, found + float(low)), found + float(high))


def _frechet_with_root(
    drawn: NDArray[np.float64], centre: NDArray[np.float64], root: NDArray[np.float64]
) -> float:
    """Return `frechet_distance` from a known root of one covariance, which is faster.

    (A B)^(1/2) has the trace of (A^(1/2) B A^(1/2))^(1/2).
    """
    mean, covariance = drawn.mean(axis=0) - centre, np.cov(drawn, rowvar=False)
    values = np.linalg.eigvalsh(root @ covariance @ root)
    crossed = np.sqrt(np.maximum(values, 0.0)).sum()
    return float(mean @ mean + np.trace(covariance) + np.square(root).sum() - 2 * crossed)


def _matrix_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def laplacian_contrast(pictures: Pictures) -> NDArray[np.float64]:
    """Return the mean absolute Laplacian of each picture, [n]: blur lowers it."""
    edges: NDArray[np.float64] = laplace(pictures.astype(np.float64), axes=(1, 2))
    return np.asarray(np.abs(edges).mean(axis=(1, 2, 3)))
