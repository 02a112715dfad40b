"""Tune an encoder, here or by transformers' Trainer, in the training environment.

Each command prints one line of JSON last:

    ours | trainer | setfit SEED STEPS CHANNEL BASE INTO   a classifier of the channel, judged on
                                         its rows for validation and for tests
    embedder SEED CHANNEL BASE INTO      an embedder of the channel, judged on other questions
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks import encoder_tuning_setfit
from benchmarks.memory_peak import before_and_peak, begin
from models.bases.folder import CHANNEL, read_base
from models.data.token_rows import TextEncoder
from models.jobs import runner
from models.jobs.finish import restore_network
from models.judged_search import collection
from models.networks.encoder import (
    Encoder,
    EncoderClassifier,
    SentenceEncoder,
    run_sorted,
    text_encoder,
)
from models.recipes.text_classifier.parameters import Parameters as ClassifierParameters
from models.recipes.text_embedder.parameters import Parameters as EmbedderParameters
from models.rehearse import lay_out_job
from models.training import artefacts, recipe
from models.training.devices import DEVICE
from models.training.job import ROOT, TRAINING_CHANNEL, TrainingJob
from models.training_data import labelled_texts, text_pairs
from models.training_data.labelled_texts import LabelledTexts

TOKENS, DEPTH = 48, 10
CLASSIFIER: Mapping[str, Any] = {"batch": 16, "max_tokens": TOKENS}
EMBEDDER: Mapping[str, Any] = {"steps": 40, "batch": 32, "max_tokens": TOKENS}
READ = 64
"""Tokens that are read of a document where an embedder is judged."""


def _trained(
    name: str, seed: str, channel: str, base: str, into: str, settings: Mapping[str, Any]
) -> tuple[TrainingJob, dict[str, float]]:
    """Train as a job does; return it and what it took."""
    asked = {"recipe": name, "preset": "tiny", "seed": int(seed), "own_data": True, **settings}
    lay_out_job(Path(into), asked, {TRAINING_CHANNEL: Path(channel), CHANNEL: Path(base)})
    job = TrainingJob.of({ROOT: into})
    before, cpu, wall = begin(), time.process_time(), time.perf_counter()
    runner.run_job(job, {DEVICE: "cpu"}, lambda _line: None)
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return job, {**spent, **before_and_peak(before)}


def ours(seed: str, steps: str, channel: str, base: str, into: str) -> dict[str, Any]:
    """Train the recipe `text_classifier`, and tell the class of each held-out row."""
    asked = {**CLASSIFIER, "steps": int(steps)}
    job, spent = _trained("text_classifier", seed, channel, base, into, asked)
    data = labelled_texts.read(Path(channel))
    settings, network = restore_network(
        artefacts.read_training(job.model, Path(into)), data, read_base(Path(base))
    )
    assert isinstance(network, EncoderClassifier)
    assert isinstance(settings, ClassifierParameters)
    return {**spent, **_judged(network, text_encoder(network.base, settings), data)}


def setfit(seed: str, steps: str, channel: str, base: str, into: str) -> dict[str, Any]:
    """Train SetFit's classifier; where it is not installed, say so under `skipped`."""
    if not encoder_tuning_setfit.installed():
        return {"skipped": encoder_tuning_setfit.MISSING}
    data = labelled_texts.read(Path(channel))
    found = encoder_tuning_setfit.train(data, base, into, int(steps), int(seed), TOKENS)
    return {**found, **_wanted(data)}


def trainer(seed: str, steps: str, channel: str, base: str, into: str) -> dict[str, Any]:
    """Train transformers' classifier by its Trainer, with the same rows, rates and decay."""
    from transformers import (
        AutoModelForSequenceClassification,
        DataCollatorWithPadding,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
    )

    data = labelled_texts.read(Path(channel))
    settings = recipe.resolve(
        recipe.load("text_classifier"), "tiny", {**CLASSIFIER, "steps": int(steps)}
    )
    assert isinstance(settings, ClassifierParameters)
    torch.set_num_threads(settings.threads)
    before, cpu, wall = begin(), time.process_time(), time.perf_counter()
    network = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(data.labels), dtype=torch.float32
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(Path(base) / "tokenizer.json"),
        pad_token="[PAD]",  # noqa: S106
    )
    reader = text_encoder(read_base(Path(base)), settings)
    rows = [
        {"input_ids": ids, "labels": label}
        for ids, label in zip(
            reader.rows(data.train.texts).ids, data.train.classes.tolist(), strict=True
        )
    ]
    arguments = TrainingArguments(
        output_dir=into,
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip_norm or 0.0,
        lr_scheduler_type="cosine",
        train_sampling_strategy="group_by_length",
        seed=int(seed),
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    Trainer(
        network, arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer)
    ).train()
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    told = _judged(_Logits(network), reader, data)
    return {**spent, **before_and_peak(before), **told}


class _Logits(nn.Module):  # type: ignore[misc]
    """The logits of a classifier of transformers."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self._network(input_ids=tokens, attention_mask=mask).logits
        return found


def _judged(network: nn.Module, reader: TextEncoder, data: LabelledTexts) -> dict[str, Any]:
    network.eval()
    told = {
        name: torch.stack(run_sorted(network, reader.rows(part.texts))).argmax(1).tolist()
        for name, part in (("told", data.test), ("told_validation", data.validation))
    }
    return {**told, **_wanted(data)}


def _wanted(data: LabelledTexts) -> dict[str, Any]:
    return {
        "wanted": data.test.classes.tolist(),
        "wanted_validation": data.validation.classes.tolist(),
    }


def embedder(seed: str, channel: str, base: str, into: str) -> dict[str, Any]:
    """Train the recipe `text_embedder`; judge it and its base on the other half's questions."""
    job, spent = _trained("text_embedder", seed, channel, base, into, EMBEDDER)
    data = text_pairs.read(Path(channel))
    found = read_base(Path(base))
    settings, network = restore_network(artefacts.read_training(job.model, Path(into)), data, found)
    assert isinstance(network, SentenceEncoder)
    assert isinstance(settings, EmbedderParameters)
    known = collection.frozen("foldoc")
    documents = collection.documents("foldoc", known.documents)
    asked = [each for each in known.questions if each.half == "test"]
    reader = text_encoder(found, settings.model_copy(update={"max_tokens": READ}))
    plain = SentenceEncoder(Encoder(found, settings.model_copy(update={"way": "full"})), found)
    scores = {}
    for name, each in (("tuned", network), ("base", plain)):
        each.eval()
        questions, texts = (
            torch.stack(run_sorted(each, reader.rows(some))).numpy()
            for some in ([one.text for one in asked], [one.text for one in documents])
        )
        near = questions @ texts.T
        scores[name] = [
            _graded_ndcg(row, [one.gains.get(document.id, 0) for document in documents])
            for row, one in zip(near, asked, strict=True)
        ]
    return {**spent, **scores, "questions": len(asked), "documents": len(documents)}


def _graded_ndcg(near: NDArray[np.float32], gains: list[int]) -> float:
    """Return the nDCG to the tenth document, gains as they are."""
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    found = np.asarray(gains, np.float64)[np.argsort(-near, kind="stable")[:DEPTH]]
    best = np.sort(gains)[::-1][:DEPTH]
    return float((found * discounts).sum() / (best * discounts).sum())


COMMANDS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "ours": ours,
    "trainer": trainer,
    "setfit": setfit,
    "embedder": embedder,
}


def main(command: str, *arguments: str) -> None:
    """Run a command, and print what came of it."""
    print(json.dumps(COMMANDS[command](*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
