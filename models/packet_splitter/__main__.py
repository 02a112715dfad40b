"""Learn on which pages documents begin, and write the weights beside their code.

    python -m models.packet_splitter             learn, and write the weights
    python -m models.packet_splitter --check     only print the figures

Learned on packets of the training's designs; the figures are those of the validation's designs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence

import numpy as np

from chalicelib.extraction.confidence import Odds
from chalicelib.extraction.packets.boundaries import FEATURES, WEIGHTS, Features
from chalicelib.extraction.packets.splitter import page_features, split_packet
from models.datasets.business_documents.designs import Split
from models.datasets.business_documents.packets import packets
from models.evaluation.logistic_regression import learn_odds
from models.packet_splitter.pages import PacketPages, packet_pages
from models.packet_splitter.scores import packet_scores
from models.weights_file import write_weights

SEED = 1
TRAINING, VALIDATION = 200, 80
RIDGE = 3.0
DECIMALS = 4


def main() -> None:
    """Learn the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    odds = learned(drawn("train", TRAINING))
    judged = drawn("validation", VALIDATION)
    scores = packet_scores((each, split_packet(each.document, odds)) for each in judged)
    sys.stdout.write(f"{json.dumps(scores, indent=1)}\n")
    if not arguments.check:
        about = "Learned on generated packets by models/packet_splitter."
        weights = dict(zip(FEATURES, odds.weights, strict=True))
        learned_of = {"packets": TRAINING, "weights": weights, "bias": odds.bias}
        write_weights(WEIGHTS, about, learned_of)


def drawn(split: Split, count: int, seed: int = SEED) -> list[PacketPages]:
    """Return the pages of packets of a split."""
    rng = random.Random(f"{split} {seed}")  # noqa: S311 - packets are to be the same each time
    return [packet_pages(each, rng) for each in packets(split, seed, count)]


def learned(examples: Sequence[PacketPages]) -> Odds:
    """Return the regression of packets whose first pages are known."""
    features: list[Features] = []
    begins: list[bool] = []
    for each in examples:
        is_start: list[bool] = []
        for page, found in page_features(each.document, is_start):
            is_start.append(page - 1 in each.starts)
            if found is not None:
                features.append(found)
                begins.append(is_start[-1])
    weights, bias = learn_odds(np.array(features), np.array(begins), RIDGE)
    return Odds(tuple(round(float(each), DECIMALS) for each in weights), round(bias, DECIMALS))


if __name__ == "__main__":
    main()
