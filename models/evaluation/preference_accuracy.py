"""How well a model ranks held-out pairs: by prompt, against its base, and at any length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import RESAMPLES, ConfidenceInterval, group_means, mean_interval
from models.evaluation.judged_rows import LEAST_JUDGED
from models.training_data.row_groups import RowGroups

Values = NDArray[np.float64]

_SEED = 0


def hits(margins: Values) -> Values:
    """Return 1 for each pair whose chosen answer is ahead, 0.5 for a tie, else 0."""
    return np.asarray((np.sign(margins) + 1) / 2, np.float64)


@dataclass(frozen=True, slots=True)
class RankedPairs:
    """Held-out pairs as a model and its base rank them, [n] each; above 0 the chosen is ahead.

    `rewards` are differences of implicit rewards, `base` those of the base's log p of the answers,
    and `base_by_token` those of its mean log p of a token. `longer` is by how many tokens the
    chosen answer is the longer one, and `prompts` the number of its prompt: pairs of one prompt are
    no independent rows.
    """

    rewards: Values
    base: Values
    base_by_token: Values
    longer: Values
    prompts: RowGroups

    def numbers(self, *, length_matters: bool) -> tuple[dict[str, float], dict[str, str]]:
        """Return accuracies with their 95 % intervals, and by name why others cannot be told.

        `accuracy_checked_low` is the lower one of the ends of `accuracy` and of
        `length_controlled_accuracy`, or of the first alone where `length_matters`.
        """
        right = hits(self.rewards)
        accuracy = mean_interval(group_means(right, self.prompts))
        found = accuracy.numbers("accuracy")
        of_base = [hits(self.base), hits(self.base_by_token)]
        better = max(of_base, key=np.mean)
        found |= mean_interval(group_means(better, self.prompts)).numbers("base_accuracy")
        found |= mean_interval(group_means(right - better, self.prompts)).numbers("gain")
        found["chosen_longer"] = float(hits(self.longer).mean())
        controlled = self.length_controlled()
        if controlled is not None:
            found |= controlled.numbers("length_controlled_accuracy")
        if length_matters:
            return {**found, "accuracy_checked_low": accuracy.low}, {}
        if controlled is None:
            reason = (
                f"fewer than {LEAST_JUDGED} held-out prompts have a longer chosen answer, or a "
                "shorter one, so that length alone may be what is preferred. Give pairs of both "
                "kinds, or set length_matters if length is what you prefer"
            )
            names = ("length_controlled_accuracy", "accuracy_checked_low")
            return found, dict.fromkeys(names, reason)
        return {**found, "accuracy_checked_low": min(accuracy.low, controlled.low)}, {}

    def length_controlled(self) -> ConfidenceInterval | None:
        """Return the mean of the accuracies where the chosen answer is longer, and where shorter.

        A model that goes by length alone has a half, whatever the lengths in the data. None if one
        of both has too few prompts.
        """
        right = hits(self.rewards)
        sides = [self._side(right, self.longer > 0), self._side(right, self.longer < 0)]
        if min(map(len, sides)) < LEAST_JUDGED:
            return None
        mean = float(np.mean([side.mean() for side in sides]))
        rng = np.random.default_rng(_SEED)
        drawn = np.mean(
            [rng.choice(side, (RESAMPLES, len(side))).mean(1) for side in sides], axis=0
        )
        low, high = np.quantile(drawn, [0.025, 0.975])
        return ConfidenceInterval(mean, float(low), float(high))

    def _side(self, right: Values, rows: NDArray[np.bool_]) -> Values:
        return group_means(right[rows], self.prompts[rows])


def win_numbers(
    margins: Values, judged: Values, prompts: RowGroups
) -> tuple[Mapping[str, float], Mapping[str, str]]:
    """Return how often a judge prefers the tuned answers, with intervals over prompts.

    Args:
        margins: by how much each tuned answer is better than the base's, 0 for the same text, [n].
        judged: the judge's margins of the held-out pairs that people ranked, [n].
        prompts: the number of each one's prompt, [n].

    The share is not told by a judge that is not surely better than chance itself.
    """
    able = mean_interval(group_means(hits(judged), prompts))
    found = able.numbers("judge_accuracy")
    if able.low <= 0.5:
        reason = (
            "the judge, which is fitted to held-out pairs of other prompts, is not surely better "
            "than chance. Give more held-out pairs"
        )
        return found, dict.fromkeys(("win_rate", "win_rate_low", "win_rate_high"), reason)
    return {**found, **mean_interval(group_means(hits(margins), prompts)).numbers("win_rate")}, {}
