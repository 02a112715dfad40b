"""Judges drawn pictures beside real ones: how alike, how much of real they cover, how sharp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import laplace

from models.judging.coverage import coverage
from models.judging.pictures import Judge, Pictures, frechet
from models.judging.retrieval import Interval, interval

_RESAMPLES = 200
_LEVELS = (2.5, 97.5)
_SEED = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """What draws are worth. `fid` is the Fréchet distance by the judge's features; `precision` the
    share of draws among real pictures, and `recall` that of real ones among draws; `sharpness` the
    contrast between neighbouring pixels, of which real pictures have 1. `classes` counts what the
    judge tells of the draws, and `rarest_class` is the share of the rarest.
    """

    fid: Interval
    precision: Interval
    recall: Interval
    sharpness: Interval
    classes: int
    rarest_class: float


def judged(judge: Judge, real: Pictures, drawn: Pictures, classes: int) -> Judged:
    """Judge draws beside real pictures of so many classes; all intervals are of 95 %.

    Those of precision and recall resample pictures within what either set covers, and that of
    sharpness resamples draws. Raises ValueError for fewer pictures than coverage needs.
    """
    of_real, of_drawn = judge.features(real), judge.features(drawn)
    covered = coverage(of_real, of_drawn)
    shares = np.bincount(judge.classes(drawn), minlength=classes) / len(drawn)
    return Judged(
        fid=distance(of_real, of_drawn),
        precision=interval(covered.precise.astype(np.float64)),
        recall=interval(covered.recalled.astype(np.float64)),
        sharpness=interval(contrast(drawn) / contrast(real).mean()),
        classes=int(np.count_nonzero(shares)),
        rarest_class=float(shares.min()),
    )


def distance(real: NDArray[np.float64], drawn: NDArray[np.float64]) -> Interval:
    """Return the Fréchet distance of features, with an interval of draws that are drawn again.

    Rows that come twice make a set of draws narrower and so add to the distance. The interval is
    therefore that of the resampled distances around their own mean, put around the distance.
    """
    found = frechet(drawn, real)
    centre, root = real.mean(axis=0), _root(np.cov(real, rowvar=False))
    chance = np.random.default_rng(_SEED)
    rows = chance.integers(len(drawn), size=(_RESAMPLES, len(drawn)))
    again = np.array([_frechet(drawn[each], centre, root) for each in rows])
    low, high = np.percentile(again - again.mean(), _LEVELS)
    return Interval(found, max(0.0, found + float(low)), found + float(high))


def _frechet(
    drawn: NDArray[np.float64], centre: NDArray[np.float64], root: NDArray[np.float64]
) -> float:
    """Return what `frechet` does, with the root of one covariance at hand, which is faster:
    (A B)^(1/2) has the trace of (A^(1/2) B A^(1/2))^(1/2).
    """
    mean, covariance = drawn.mean(axis=0) - centre, np.cov(drawn, rowvar=False)
    values = np.linalg.eigvalsh(root @ covariance @ root)
    crossed = np.sqrt(np.maximum(values, 0.0)).sum()
    return float(mean @ mean + np.trace(covariance) + np.square(root).sum() - 2 * crossed)


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def contrast(pictures: Pictures) -> NDArray[np.float64]:
    """Return the mean size of the Laplacian of each picture, [n]: blur takes it away."""
    edges: NDArray[np.float64] = laplace(pictures.astype(np.float64), axes=(1, 2))
    return np.asarray(np.abs(edges).mean(axis=(1, 2, 3)))
