"""Completions of policies for the benchmark `improvement_loop`; runs in the training environment.

    python -m benchmarks.improvement_sampling MODEL CHANNEL PART SEED DRAWS

prints a line of JSON for each prompt of a part of the channel: the prompt and `DRAWS` completions,
drawn at temperature 1. The same seed draws the same.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from models.data import review_pairs
from models.jobs.finish import restore_network
from models.networks.rollouts import draw_completions, prompt_rows
from models.recipes.aligned.network import AlignedPolicy
from models.training import artefacts, seeds

_STREAM = 71


def lines(model: Path, channel: Path, part: str, seed: int, draws: int) -> Iterator[str]:
    """Yield a line for each different prompt of the part "train" or "test"."""
    settings, network = restore_network(artefacts.read_training(model, model / "unpacked"))
    policy = network.policy if isinstance(network, AlignedPolicy) else network
    data = review_pairs.read(channel)
    pairs = data.train_pairs if part == "train" else data.test_pairs
    first = list({each.prompt: each for each in pairs}.values())
    context, most = settings.model_dump()["context"], settings.model_dump()["most"]
    ids, begun = prompt_rows(data.vocabulary, first, context, most)
    drawn: list[list[tuple[str, bool]]] = [[] for _ in first]
    for turn in range(draws):
        with torch.no_grad():
            stream = seeds.generator(seed, _STREAM, turn)
            rows = draw_completions(policy, ids, begun, most, stream)
        for place, (tokens, ended) in enumerate(
            zip(rows.completions(), rows.ended.tolist(), strict=True)
        ):
            drawn[place].append((data.vocabulary.text(tokens), ended))
    for each, texts in zip(first, drawn, strict=True):
        yield json.dumps({"prompt": each.prompt, "texts": texts})


if __name__ == "__main__":
    given = sys.argv[1:]
    for line in lines(Path(given[0]), Path(given[1]), given[2], int(given[3]), int(given[4])):
        sys.stdout.write(f"{line}\n")
