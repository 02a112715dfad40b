"""Comparison of a challenger with the champion, the model that was approved before.

Both have a score for each held-out row. A metric is worse if the whole confidence interval of the
mean difference lies on the worse side of zero; then the challenger is not registered. The recipe's
gate of the metric says which side is worse.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.failures import BadData, BelowChampion, NotFinite
from models.training.artefacts import TrainedModel
from models.training.gates import Gate
from models.training.job import JUDGE

SCORES = "scores.npz"
COMPARISON = "comparison.json"
CONFIDENCE = 0.95
_DRAWS = 2000

Scores = Mapping[str, NDArray[np.float64]]
"""By the name of a number, a value for each held-out row, [n]."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of a metric, challenger minus champion.

    `low` and `high` bound the mean difference at 95 %; `p` is the p-value of no difference.
    """

    champion: float
    challenger: float
    low: float
    high: float
    p: float
    worse: bool


def pack_scores(scores: Scores) -> bytes:
    """Return scores as the content of an NPZ file."""
    into = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(each, np.float64) for name, each in scores.items()}
    np.savez(into, **arrays)
    return into.getvalue()


def read_scores(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Read the scores in a model folder; empty if it has none. Raises BadData."""
    path = folder / SCORES
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: np.asarray(file[name], np.float64) for name in file.files}
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise BadData(f"{path} is no whole NPZ file: {error}") from error


def compare(
    gates: Mapping[str, Gate], challenger: Scores, champion: Scores
) -> dict[str, Difference]:
    """Return the difference of each metric that has a gate and scores of both.

    Intervals are percentile bootstraps of the paired differences (B. Efron, 1979), and p is that of
    a test by flipped signs (R. A. Fisher, 1935). The same scores give the same answer.

    Raises:
        BadData: the two have scores of different rows.
        NotFinite: a score of the challenger is nan or infinite.
    """
    differences = {}
    for name in sorted(set(gates) & set(challenger) & set(champion)):
        ours, theirs = challenger[name], champion[name]
        if len(ours) != len(theirs):
            raise BadData(f"{name}: {len(ours)} rows were judged, and {len(theirs)} before.")
        if broken := np.count_nonzero(~np.isfinite(ours)):
            raise NotFinite(f"{name} is not finite in {broken} of {len(ours)} held-out rows.")
        differences[name] = _difference(gates[name], ours, theirs)
    return differences


def _difference(gate: Gate, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Difference:
    # Imported on use: it would delay the start of a training job by half a second.
    from scipy.stats import bootstrap, permutation_test

    each = ours - theirs
    low = high = float(each.mean())
    p = 1.0
    if np.ptp(each) > 0:
        drawn = bootstrap(
            (each,),
            np.mean,
            n_resamples=_DRAWS,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(0),
        )
        low, high = map(float, drawn.confidence_interval)
    if len(each) > 1 and each.any():
        flipped = permutation_test(
            (each,),
            np.mean,
            permutation_type="samples",
            n_resamples=_DRAWS,
            rng=np.random.default_rng(0),
        )
        p = float(flipped.pvalue)
    worse = high < 0 if gate.least is not None else low > 0
    return Difference(float(theirs.mean()), float(ours.mean()), low, high, p, worse)


def require_not_worse(differences: Mapping[str, Difference]) -> None:
    """Raise BelowChampion if a metric is significantly worse than the champion's."""
    told = [
        f"{name} is {each.challenger:.4g} and the champion's {each.champion:.4g} (difference "
        f"{each.low:.4g} to {each.high:.4g})"
        for name, each in differences.items()
        if each.worse
    ]
    if told:
        raise BelowChampion(f"The model is not registered: {'; '.join(told)}.")


def comparison_document(differences: Mapping[str, Difference]) -> dict[str, Any]:
    """Return the content of COMPARISON."""
    return {name: asdict(each) for name, each in differences.items()}


def score_mismatch(challenger: Scores, champion: Scores) -> str:
    """Return which metric of a champion cannot be compared row by row, and why, or ""."""
    for name in sorted(set(challenger) & set(champion)):
        here, before = len(challenger[name]), len(champion[name])
        if here != before:
            return f"its {name} is of {before} rows, and here of {here}"
        if not np.isfinite(champion[name]).all():
            return f"its {name} is not finite"
    return ""


def judge_document(judge: str) -> dict[str, str]:
    """Return the content of the file JUDGE: the fingerprint of the judge that made the scores."""
    return {"fingerprint": judge}


def read_judge(folder: Path) -> str:
    """Return the fingerprint of the judge of a model folder, or "" if none was fitted for it."""
    try:
        return str(json.loads((folder / JUDGE).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def incomparability(champion: TrainedModel, recipe: str, data: str, judge: str = "") -> str:
    """Return why a champion cannot be compared with a model of `recipe` and `data`, or "".

    `judge` is the fingerprint of the judge that made the model's scores, if one was fitted.
    """
    if champion.training.recipe != recipe:
        return f"it is a model of {champion.training.recipe}"
    if champion.training.data != data:
        return "it was judged on other data"
    if not (champion.folder / SCORES).is_file():
        return "it left no scores"
    if read_judge(champion.folder) != judge:
        return "it was judged by another judge"
    return ""
