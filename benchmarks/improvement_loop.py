"""From raters to a better policy, and what keeps bad raters out: `improvement_loop`.

A policy writes short reviews, good and bad as they come. Two hundred simulated raters prefer good
and well-formed ones, and err in one label of ten. They label pairs of the policy's own texts by the
queue of `/v1/labelling`: blind, three raters a pair, gold items among them. What they say passes
the quality gate, trains a reward model, and that aligns the policy. Its texts are then held against
the first policy's, on prompts that nobody labelled, by the preference that the raters have.

In the same run half of the raters are poisoned: they label the opposite of what they prefer.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import trained
from benchmarks.reporting import Result, spread
from chalicelib.contracts.label_results import ExportedLabel
from chalicelib.contracts.labelling import (
    LabellingClaim,
    LabellingItem,
    LabellingTask,
    PairItem,
    SubmitLabelRequest,
)
from chalicelib.contracts.quality_limits import QualityLimits
from chalicelib.labelling.preferences import PairCollection, collect_pairs
from chalicelib.labelling.quality_gate import QualityReport, check_quality
from models.data.review_pairs import PAIRS, REVIEWS
from models.data.text import TOKENIZER
from models.evaluation.sentiment import judge_review
from tests.unit.labelling.fakes import TENANT, Desk, terms

RATERS = 200
POISONED = 0.5
ERRING = 0.1
"""The share of labels that a rater gets wrong."""
REVIEWS_A_PAIR = 3
GOLD = 60
DRAWS, TEST_DRAWS = 60, 100
"""Texts of a prompt that pairs are made of, and texts that policies are compared by."""
POLICY = {"recipe": "policy", "preset": "smoke"}
REWARD = {"recipe": "reward_model", "preset": "smoke", "steps": 200}
METHODS: Mapping[str, Mapping[str, Any]] = {
    "ppo": {"method": "ppo", "steps": 60},
    "dpo": {"method": "dpo", "steps": 150, "learning_rate": 0.001},
}
_Z = 1.96

Texts = Mapping[str, Sequence[tuple[str, bool]]]
"""Completions by prompt, and whether each came to its end."""


def measure(repetitions: int) -> Result:
    """Go through the loop with `repetitions` seeds. Raises NotTrained."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        channel, policy = folder / "channel", folder / "policy"
        trained.run("models.datasets", "preferences", str(channel))
        _train(channel, policy, POLICY, {})
        before = policy / "finish" / "model"
        rows = [_seed(folder / str(seed), channel, before, seed) for seed in range(repetitions)]
    return result(rows)


def _seed(folder: Path, channel: Path, before: Path, seed: int) -> dict[str, Any]:
    items = pair_items(_drawn(before, channel, "train", seed, DRAWS), seed)
    poisoned = run_raters(items, seed, POISONED)
    found = run_raters(items, seed, 0.0)
    own = folder / "channel"
    write_channel(channel, own, found[0])
    reward = folder / "reward"
    bases = {"policy": before}
    _train(own, reward, {**REWARD, "seed": seed}, bases)
    bases["reward"] = reward / "finish" / "model"
    first = _drawn(before, channel, "test", seed + 1_000, TEST_DRAWS)
    wins = {}
    for name, settings in METHODS.items():
        asked = {"recipe": "aligned", "preset": "smoke", **settings, "seed": seed}
        _train(own, folder / name, asked, bases)
        model = folder / name / "finish" / "model"
        wins[name] = win_rate(_drawn(model, channel, "test", seed + 2_000, TEST_DRAWS), first)
    return {"honest": found[1], "poisoned": poisoned[1], "wins": wins}


def utility(text: str, ended: bool) -> int:
    """Return what a text is worth to the raters: mostly that it is good, then that it is formed."""
    return judge_review(text, ended).worth


def pair_items(drawn: Texts, seed: int) -> list[LabellingItem]:
    """Return pairs of a prompt's texts, and gold items of pairs that differ clearly."""
    rng = random.Random(f"pairs {seed}")  # noqa: S311 - no secret comes of it
    items: list[LabellingItem] = []
    gold: list[LabellingItem] = []
    for prompt, texts in drawn.items():
        ended = list(dict.fromkeys(text for text, whole in texts if whole and text))
        rng.shuffle(ended)
        for a, b in zip(ended[::2], ended[1::2], strict=False):
            better = utility(a, True) - utility(b, True)
            name = f"{len(items) + len(gold)}"
            item = PairItem(type="pair", id=name, prompt=prompt, a=a, b=b)
            if abs(better) >= 4 and len(gold) < GOLD and rng.random() < 0.2:
                gold.append(item.model_copy(update={"gold": "a" if better > 0 else "b"}))
            else:
                items.append(item)
    return [*items, *gold]


def run_raters(
    items: Sequence[LabellingItem], seed: int, poisoned: float
) -> tuple[PairCollection, QualityReport]:
    """Have raters label every item, a share of them poisoned; return the pairs and the verdict."""
    rng = random.Random(f"raters {seed} {poisoned}")  # noqa: S311
    desk = Desk()
    task = desk.tasks.create(TENANT, terms(reviews=REVIEWS_A_PAIR, gold_share=0.1))
    for at in range(0, len(items), 100):
        desk.tasks.add(TENANT, task.task_id, items[at : at + 100])
    waiting = list(range(RATERS))
    while waiting:
        rater = rng.choice(waiting)
        claim = desk.queue.next_claim(TENANT, task.task_id, f"r{rater}").claim
        if claim is None:
            waiting.remove(rater)
            continue
        label = _label(claim, rng, opposite=rater < RATERS * poisoned)
        body = SubmitLabelRequest(label=label)
        desk.queue.submit(TENANT, task.task_id, claim.claim_id, f"r{rater}", body)
    collection = collect_pairs(_exported(desk, task), ())
    progress = desk.tasks.progress(TENANT, task.task_id)
    return collection, check_quality(collection, [progress], QualityLimits())


def _label(claim: LabellingClaim, rng: random.Random, *, opposite: bool) -> str:
    first, second = claim.content.first or "", claim.content.second or ""
    better = utility(first, True) - utility(second, True)
    if better == 0:
        return "tie" if rng.random() > ERRING else rng.choice(["first", "second"])
    prefers_first = (better > 0) != opposite
    if rng.random() < ERRING:
        prefers_first = not prefers_first
    return "first" if prefers_first else "second"


def _exported(desk: Desk, task: LabellingTask) -> list[ExportedLabel]:
    rows: list[ExportedLabel] = []
    after = ""
    while True:
        page, after = desk.tasks.export(TENANT, task.task_id, "preference", after, 500)
        rows += page.items
        if not after:
            return rows


def write_channel(base: Path, into: Path, found: PairCollection) -> None:
    """Write a channel of the pairs, with the tokenizer and the reviews of another."""
    into.mkdir(parents=True)
    for name in (TOKENIZER, *REVIEWS):
        shutil.copy(base / name, into / name)
    for part, name in zip(("train", "test"), PAIRS, strict=True):
        lines = [each.row.model_dump_json() for each in found.pairs if each.part == part]
        (into / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def win_rate(ours: Texts, theirs: Texts) -> dict[str, float]:
    """Return how often raters prefer a text of ours to one of theirs, ties as halves, at 95 %."""
    won = []
    for prompt, texts in ours.items():
        for mine, other in zip(texts, theirs[prompt], strict=True):
            better = utility(*mine) - utility(*other)
            won.append(0.5 + 0.5 * ((better > 0) - (better < 0)))
    mean = sum(won) / len(won)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in won) / (len(won) - 1))
    half = _Z * deviation / math.sqrt(len(won))
    return {"mean": mean, "low": mean - half, "high": mean + half, "compared": len(won)}


def _train(
    channel: Path, into: Path, settings: Mapping[str, Any], bases: Mapping[str, Path]
) -> None:
    named = [f"{name}={at}" for name, at in bases.items()]
    trained.run(
        "benchmarks.improvement_training", str(channel), str(into), json.dumps(settings), *named
    )


def _drawn(model: Path, channel: Path, part: str, seed: int, draws: int) -> Texts:
    told = trained.run(
        "benchmarks.improvement_sampling", str(model), str(channel), part, str(seed), str(draws)
    )
    rows = [json.loads(line) for line in told.splitlines()]
    return {row["prompt"]: [(text, ended) for text, ended in row["texts"]] for row in rows}


def result(rows: Sequence[Mapping[str, Any]]) -> Result:
    """Return win rates by method and what the gate said of honest and of poisoned raters."""
    return Result(
        name="improvement_loop",
        repetitions=len(rows),
        measured={
            f"{method}, win rate": spread([row["wins"][method]["mean"] for row in rows], "share")
            for method in METHODS
        },
        facts={
            "win rates by seed": {
                method: [
                    [round(row["wins"][method][name], 3) for name in ("mean", "low", "high")]
                    for row in rows
                ]
                for method in METHODS
            },
            "honest": [_told(row["honest"]) for row in rows],
            "poisoned": [_told(row["poisoned"]) for row in rows],
        },
        notes=(
            f"{RATERS} raters, of whom each errs in a tenth of the labels; three label a pair.",
            "Poisoned: half of them label the opposite of what they prefer.",
            "A win rate is against the policy that was begun from, on ten held-out prompts.",
        ),
    )


def _told(report: QualityReport) -> dict[str, Any]:
    (task,) = report.tasks
    return {
        "passed": report.passed,
        "pairs": report.pairs,
        "alpha": None if task.alpha is None else round(task.alpha, 3),
        "gold right": [task.gold_right, task.gold_labels],
        "reviewers below": len(task.below),
        "refusals": list(report.refusals),
    }
