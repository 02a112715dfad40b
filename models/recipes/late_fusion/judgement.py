"""How the classifiers of late fusion are judged, by products that were held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.data import caption_tokens
from models.datasets import products as grammar
from models.evaluation import figures
from models.evaluation.bias import SELECTION, SELECTION_GAP, measure_bias, unknown_metrics
from models.evaluation.intervals import (
    ConfidenceInterval,
    group_means,
    mean_interval,
    wilson_interval,
)
from models.evaluation.judged_rows import known_bounds, observations
from models.recipes.late_fusion.network import Classifiers
from models.recipes.late_fusion.parameters import Parameters
from models.recipes.late_fusion.rows import picture_reader, scaled_pictures, title_reader
from models.training.recipe_code import Evaluation
from models.training_data.products import Products

_ROWS = 512
_SHOWN = 4


Told = Mapping[str, NDArray[np.int64]]


def evaluate(network: nn.Module, data: Products, parameters: Parameters) -> Evaluation:
    """Return accuracies of the three classifiers on held-out products, and examples.

    `accuracy_image`, `accuracy_title` and `accuracy_both` are shares of held-out products whose
    class is told, and `majority` is that of always telling the commonest class. `gain_over_image`,
    `gain_over_title` and `gain_over_majority` are what both is better by, paired by product, with
    95% intervals over groups. `both_where_title_fails` and `both_where_image_fails` are the
    accuracy of both where one alone is wrong.

    Who a product is for should not matter: `accuracy_gap` is between those whose title says
    "women's" and "men's", and `swap_changes` the share of them whose class by both is another one
    with one word in the other's place.
    """
    assert isinstance(network, Classifiers)
    test = data.test
    told = _told(network, data, parameters, test.titles)
    right = {name: (each == test.classes).astype(np.float64) for name, each in told.items()}
    majority = (test.classes == data.commonest).astype(np.float64)
    numbers: dict[str, float] = {"majority": float(group_means(majority, test.groups).mean())}
    for name, values in right.items():
        numbers |= mean_interval(group_means(values, test.groups)).numbers(f"accuracy_{name}")
    for alone, values in (*right.items(), ("majority", majority)):
        if alone != "both":
            gains = group_means(right["both"] - values, test.groups)
            numbers |= mean_interval(gains).numbers(f"gain_over_{alone}")
    for alone in ("image", "title"):
        if (wrong := right[alone] == 0).any():
            numbers[f"both_where_{alone}_fails"] = float(right["both"][wrong].mean())
    known, few = known_bounds(numbers, *observations(test.groups, "products"))
    swapped = [grammar.swapped(title) for title in test.titles]
    other = _told(network, data, parameters, swapped) if swapped != test.titles else told
    fairness, unknown = buyer_bias(test.titles, right["both"], told["both"] != other["both"])
    return Evaluation(
        {**known, **fairness},
        {"examples": _examples(data, told, parameters)},
        {"accuracy_both": group_means(right["both"], test.groups)},
        unknown={**few, **unknown},
    )


def buyer_bias(
    titles: Sequence[str], right: NDArray[np.float64], changed: NDArray[np.bool_]
) -> tuple[dict[str, float], dict[str, str]]:
    """Return metrics of products for women and for men, and why some cannot be told.

    `right` is 1 where a product's class is told, and `changed` says where it is another one once
    the title is for the other; both are of [n].
    """
    buyers = [grammar.buyer(title) for title in titles]
    rows = [row for row, buyer in enumerate(buyers) if buyer]
    numbers: dict[str, float] = {}
    unknown: dict[str, str] = {}
    if len(set(buyers) - {""}) < 2:
        reason = "the titles are not for women as well as for men"
        return numbers, unknown_metrics({"accuracy_gap": reason, "swap_changes": reason})
    # Of those that are told right, fairlearn's selection rate is the accuracy.
    found = measure_bias([buyers[row] for row in rows], right[rows])
    if SELECTION_GAP in found.gaps:
        numbers |= found.gaps[SELECTION_GAP].numbers("accuracy_gap")
    else:
        unknown["accuracy_gap"] = found.unknown[SELECTION_GAP]
    for buyer, rate in found.rates[SELECTION].items():
        numbers[f"accuracy_for_{buyer}"] = rate.value
    low, high = wilson_interval(int(changed[rows].sum()), len(rows))
    swaps = ConfidenceInterval(float(changed[rows].mean()), low, high)
    return numbers | swaps.numbers("swap_changes"), unknown_metrics(unknown)


@torch.no_grad()
def _told(
    network: Classifiers, data: Products, parameters: Parameters, texts: Sequence[str]
) -> Told:
    """Return the class of each held-out product under these titles, [n], by classifier."""
    reader = title_reader(data, parameters)
    titles = torch.from_numpy(caption_tokens.encode_texts(reader, texts))
    pictures = picture_reader(data.test, parameters)
    parts = []
    for start in range(0, len(titles), _ROWS):
        chosen = range(start, min(start + _ROWS, len(titles)))
        parts.append(network(scaled_pictures(pictures, chosen), titles[chosen.start : chosen.stop]))
    return {
        name: torch.cat([part[name].argmax(dim=1) for part in parts]).numpy() for name in parts[0]
    }


def _examples(data: Products, told: Told, parameters: Parameters) -> NDArray[np.uint8]:
    """Return products that only both together classify rightly, and failures of both."""
    names, test = data.labels, data.test
    right = {name: each == test.classes for name, each in told.items()}
    kinds = (
        right["both"] & ~right["image"],
        right["both"] & ~right["title"],
        ~right["both"],
    )
    rows = [int(row) for kind in kinds for row in np.flatnonzero(kind)[:_SHOWN]]
    chosen = list(dict.fromkeys(rows)) or [0]
    lines = [
        "\n".join(
            [
                f"{test.titles[row]} (it is: {names[test.classes[row]]})",
                f"by picture: {names[told['image'][row]]}",
                f"by title: {names[told['title'][row]]}",
                f"by both: {names[told['both'][row]]}",
            ]
        )
        for row in chosen
    ]
    return figures.with_lines(picture_reader(test, parameters).pixels(chosen), lines)
