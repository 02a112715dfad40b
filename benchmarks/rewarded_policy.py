"""A policy that a reward model's version trained, judged by what that version does not know.

`.venv-training/bin/python -m benchmarks.rewarded_policy POLICY REWARD PAIRS [FILE]` prints numbers
of a policy's answers and its base's to held-out prompts, and writes them to FILE as JSON. POLICY
is a folder with the files of a training of `reinforcement_tuning`, REWARD one of a reward model's
version, and PAIRS a channel of preferences whose held-out pairs neither has seen. Four judges look
at the same answers:

* the reward model, which the policy was trained by;
* a linear judge of the base's vectors, fitted to the held-out pairs of other prompts;
* a rule that was fitted to nothing: the answer with the shorter words is the plainer one;
* what nobody was trained by: whether answers end, differ, and fit their own prompts.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from models.bases.folder import read_base
from models.evaluation.answers import f1_over_chance
from models.evaluation.intervals import Values, group_means, mean_interval
from models.evaluation.preference_accuracy import hits
from models.files import write_atomically
from models.jobs.finish import restore_network
from models.networks.chat_tokens import ChatTokens
from models.networks.exported_scorer import ExportedScorer
from models.networks.fitted_judge import fit_judge
from models.networks.preference_rows import encode_pairs, read_answers
from models.networks.tuned_decoder import TunedDecoder
from models.pull.shipped_bases import shipped_base
from models.recipes.preference_tuning import recipe as preferences
from models.recipes.preference_tuning.recipe import Pairs
from models.training.artefacts import read_training

BASE = "smollm2-135m-instruct"
_WORD = re.compile(r"\w+")
_MOST_LETTERS = 30.0
"""The letters a word that an answer without words is taken to have, so that it is never plainer."""


def letters_a_word(text: str) -> float:
    """Return the mean letters of a text's words."""
    words = _WORD.findall(text)
    return float(np.mean([len(word) for word in words])) if words else _MOST_LETTERS


def shorter_words(ones: Sequence[str], others: Sequence[str]) -> Values:
    """Return how much shorter the words of texts are than those of others, [n]."""
    pairs = zip(ones, others, strict=True)
    return np.array(
        [letters_a_word(other) - letters_a_word(one) for one, other in pairs], np.float64
    )


def _values(tensor: torch.Tensor) -> Values:
    return np.asarray(tensor.double().numpy(), np.float64)


def texts_of(network: TunedDecoder, rows: Sequence[ChatTokens], end: int) -> list[str]:
    """Return the answers of rows as texts."""
    chat = network.tokenizer.chat()
    return [chat.text([each for each in row.ids[row.answer :] if each != end]) for row in rows]


def judge(network: TunedDecoder, reward: ExportedScorer, data: Pairs) -> Mapping[str, float]:
    """Return the numbers, with 95 % intervals over prompts."""
    groups = preferences.prompt_groups(data.test)
    prompts = [row.messages for row in data.test]
    chosen, rejected = [row.chosen for row in data.test], [row.rejected for row in data.test]
    encoded = encode_pairs(network, data.test, "test")
    written = preferences.write_answers(network, encoded[0])
    ours, theirs = (texts_of(network, rows, written.end) for rows in (written.tuned, written.base))
    with network.plain() as base:
        pairs = [read_answers(base, rows) for rows in encoded]
        vectors = [read_answers(base, rows).vectors for rows in (written.tuned, written.base)]
    fitted = fit_judge(pairs[0], pairs[1], groups.tolist(), len(groups))
    scores = [np.array(reward.rewards(prompts, each), np.float64) for each in (ours, theirs)]
    found = dict(written.numbers(groups))
    for name, margins in (
        ("judge_accuracy", _values(fitted.margins(pairs[0].vectors, pairs[1].vectors))),
        ("judge_win_rate", _values(fitted.margins(*vectors))),
        ("rule_accuracy", shorter_words(chosen, rejected)),
        ("rule_win_rate", shorter_words(ours, theirs)),
        ("reward_win_rate", scores[0] - scores[1]),
    ):
        found |= mean_interval(group_means(hits(margins), groups)).numbers(name)
    for prefix, texts in (("", ours), ("base_", theirs)):
        fit = group_means(f1_over_chance(texts, chosen), groups)
        found |= mean_interval(fit).numbers(f"{prefix}f1_over_chance")
        found[f"{prefix}distinct"] = len(set(texts)) / len(texts)
        found[f"{prefix}letters_a_word"] = float(np.mean([letters_a_word(each) for each in texts]))
    for one, other in zip(ours[:5], theirs[:5], strict=True):
        print(json.dumps({"policy": one, "base": other}))
    return found


def main(policy: Path, reward: Path, pairs: Path, target: Path | None = None) -> None:
    """Print the numbers, and write them to a file if one is named."""
    torch.set_num_threads(1)
    trained = read_training(policy, policy)
    _, network = restore_network(trained, None, read_base(shipped_base(BASE)))
    assert isinstance(network, TunedDecoder)
    with torch.no_grad():
        found = judge(network, ExportedScorer.read(reward), preferences.read(pairs))
    told = {name: round(value, 4) for name, value in sorted(found.items())}
    print(json.dumps(told, indent=1))
    if target is not None:
        write_atomically(target, f"{json.dumps(told, indent=1)}\n".encode())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
