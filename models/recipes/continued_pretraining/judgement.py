"""How a model whose pre-training went on is judged: perplexity on documents, beside its base's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.evaluation.intervals import group_means, mean_interval
from models.evaluation.judged_rows import known_bounds
from models.evaluation.perplexity import bits_per_byte, perplexity
from models.networks.text_blocks import TextStretch
from models.networks.tuned_decoder import TunedDecoder
from models.training_data.row_groups import RowGroups

_GENERAL = Path(__file__).with_name("general.json")
_TOKENS_AT_ONCE = 4096

Values = NDArray[np.float64]


def general_texts() -> list[str]:
    """Return short texts of everyday subjects, which tell what a tuning makes a model forget.

    They were written for this and are CC0-1.0, so that no base was trained on them.
    """
    found: list[str] = json.loads(_GENERAL.read_text(encoding="utf-8"))["texts"]
    return found


@dataclass(frozen=True, slots=True)
class StretchLosses:
    """-log p of the tokens of texts after their first, in nats; their number and bytes, [n]."""

    nats: Values
    tokens: Values
    sizes: Values

    @property
    def perplexity(self) -> float:
        """Return the perplexity of a token."""
        return perplexity(float(self.nats.sum() / self.tokens.sum()))

    @property
    def bits(self) -> Values:
        """Return the bits a byte of each text, [n]."""
        return np.asarray(self.nats / math.log(2) / self.sizes)

    def numbers(self, name: str = "") -> dict[str, float]:
        """Return the perplexity, and bits a byte of all, as metrics that begin with `name`."""
        mean = float(self.nats.sum() / self.tokens.sum())
        bits = bits_per_byte(mean, int(self.tokens.sum()), int(self.sizes.sum()))
        return {f"{name}perplexity": self.perplexity, f"{name}bits_per_byte": bits}


@torch.no_grad()
def stretch_losses(model: TunedDecoder, stretches: Sequence[TextStretch]) -> StretchLosses:
    """Return how a model predicts texts; those of a like length are read together."""
    order = sorted(range(len(stretches)), key=lambda at: len(stretches[at].ids))
    nats = np.zeros(len(stretches))
    chosen: list[int] = []
    for number, at in enumerate(order):
        chosen.append(at)
        following = order[number + 1 : number + 2]
        if following and len(stretches[following[0]].ids) * (len(chosen) + 1) <= _TOKENS_AT_ONCE:
            continue
        nats[chosen] = _losses(model, [stretches[each].ids for each in chosen])
        chosen = []
    counts = [len(each.ids) - 1.0 for each in stretches]
    return StretchLosses(nats, np.array(counts), np.array([float(each.size) for each in stretches]))


def _losses(model: TunedDecoder, rows: Sequence[Sequence[int]]) -> Values:
    longest = max(map(len, rows))
    tokens = torch.full((len(rows), longest), model.tokenizer.end)
    weights = torch.zeros(len(rows), longest - 1)
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = torch.tensor(row)
        weights[number, : len(row) - 1] = 1
    places = torch.arange(longest - 1).expand(len(rows), -1)
    sums: Values = (model(tokens, places) * weights).sum(dim=1).double().numpy()
    return sums


@dataclass(frozen=True, slots=True)
class BothLosses:
    """The losses of the base and of the model that was tuned, on the same texts."""

    base: StretchLosses
    tuned: StretchLosses

    @property
    def gains(self) -> Values:
        """Return by how many bits a byte of each text the tuned model needs less, [n]."""
        return np.asarray(self.base.bits - self.tuned.bits)

    def numbers(self, name: str = "") -> dict[str, float]:
        """Return the numbers of both as metrics that begin with `name`."""
        return {**self.tuned.numbers(name), **self.base.numbers(f"base_{name}")}


@dataclass(frozen=True, slots=True)
class PretrainingJudgement:
    """Numbers of an evaluation, the gain of each group of documents, and what cannot be told."""

    numbers: Mapping[str, float]
    gains: Values
    unknown: Mapping[str, str]


def judged(
    held_out: BothLosses, groups: RowGroups, learned: BothLosses, general: BothLosses
) -> PretrainingJudgement:
    """Compare a model with its base.

    `gain` is the mean over groups of held-out documents of the bits a byte that the model needs
    less than its base, and `train_gain` over documents that it learned. `transfer` is the first as
    a share of the second: 1 for what learned the domain, and about 0 for what knows rows by heart.
    `learned` is the factor by which held-out perplexity fell, and `forgotten` that by which the
    perplexity of general texts rose.

    Args:
        held_out: documents that were not learned.
        groups: the number of each one's group, [n].
        learned: documents that were learned, none if steps were too few for a whole one.
        general: texts that are not of the domain.
    """
    gains = group_means(held_out.gains, groups)
    interval = mean_interval(gains)
    numbers = {
        **held_out.numbers(),
        "learned": held_out.base.perplexity / held_out.tuned.perplexity,
        **interval.numbers("gain"),
        **general.numbers("general_"),
        "forgotten": general.tuned.perplexity / general.base.perplexity,
    }
    unknown = {}
    if len(learned.gains):
        train_gain = float(learned.gains.mean())
        numbers |= {**learned.numbers("train_"), "train_gain": train_gain}
        if train_gain > 0:
            numbers["transfer"] = interval.mean / train_gain
        else:
            unknown["transfer"] = (
                "the documents that were learned are predicted no better than before"
            )
    else:
        reason = "no document was learned whole; train more steps, or give shorter documents"
        unknown |= {"train_gain": reason, "transfer": reason}
    known, untold = known_bounds(numbers, len(gains), "groups of held-out documents")
    return PretrainingJudgement(known, gains, {**unknown, **untold})
