"""Judges the reward model by pairs of prompts that it never saw."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from models.common.family import Evaluation
from models.common.pairs import Preferences
from models.judging.calibration import calibration_error, temperature
from models.judging.sentiment import judged, lower_bound
from models.networks.reviews import laid_pairs
from models.networks.rollouts import Written
from models.recipes.reward_model.parameters import Parameters


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Preferences, parameters: Parameters) -> Evaluation:
    """Return numbers of the held-out pairs, in a fiftieth of which raters err.

    `pair_accuracy` is the share whose chosen text has the higher score, `pair_accuracy_low` the
    lower end of its 95% interval. `valence_correlation` is that of scores with good words less bad
    ones, by a list of words that nothing was trained on, over whole reviews. The temperature is
    fitted on half of the pairs, and `calibration_error` before and after is of the other half.
    """
    chosen, rejected = scores(network, data, parameters)
    margins = chosen - rejected
    hits = int((margins > 0).sum())
    logits = np.stack([margins, np.zeros_like(margins)], axis=1)
    first, other = logits[::2], logits[1::2]
    heat = temperature(first, np.zeros(len(first), np.int64))
    right = np.zeros(len(other), np.int64)
    verdicts = [judged(each.chosen, ended=True) for each in data.test_pairs]
    whole = np.array([each.formed for each in verdicts])
    valences = np.array([each.valence for each in verdicts])
    return Evaluation(
        {
            "pair_accuracy": hits / len(margins),
            "pair_accuracy_low": lower_bound(hits, len(margins)),
            "valence_correlation": float(np.corrcoef(chosen[whole], valences[whole])[0, 1]),
            "mean_chosen": float(chosen.mean()),
            "mean_rejected": float(rejected.mean()),
            "temperature": heat,
            "calibration_error": calibration_error(other, right),
            "calibration_error_at_temperature": calibration_error(other / heat, right),
        },
        scores={"pair_accuracy": (margins > 0).astype(np.float64)},
    )


def scores(
    network: torch.nn.Module, data: Preferences, parameters: Parameters
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores of the chosen and of the rejected texts that are held out, [n] each."""
    liked, other = laid_pairs(data.vocabulary, data.test_pairs, parameters.context)
    return _scores(network, liked), _scores(network, other)


def _scores(network: torch.nn.Module, rows: Written) -> NDArray[np.float64]:
    told: NDArray[np.float64] = network(rows.ids, rows.mask).double().numpy()
    return told
