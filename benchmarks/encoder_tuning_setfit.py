"""Train SetFit's classifier of texts, where it is installed beside what trains here.

L. Tunstall et al., https://arxiv.org/abs/2209.11055: texts of one class are drawn together and of
two apart, by pairs, and a logistic regression of the vectors tells the class. Everything but the
number of steps is as SetFit has it; all pairs of some thousand texts would be half a million.
"""

from __future__ import annotations

import importlib.util
import time
from typing import Any

import torch

from benchmarks.memory_peak import before_and_peak, begin
from models.training_data.labelled_texts import LabelledTexts

NEEDED = "setfit"
MISSING = "SetFit is not installed: .venv-training/bin/pip install setfit"


def installed() -> bool:
    """Return whether SetFit can be imported here."""
    return importlib.util.find_spec(NEEDED) is not None


def train(
    data: LabelledTexts, base: str, into: str, steps: int, seed: int, max_tokens: int
) -> dict[str, Any]:
    """Train on the training rows; return seconds, memory, and the classes of held-out texts.

    Libraries are imported before the clock starts, as for the others.
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from setfit import SetFitModel, Trainer, TrainingArguments
    from sklearn.linear_model import LogisticRegression

    torch.set_num_threads(1)
    before, cpu, wall = begin(), time.process_time(), time.perf_counter()
    body = SentenceTransformer(base, device="cpu")
    body.max_seq_length = max_tokens
    network = SetFitModel(model_body=body, model_head=LogisticRegression())
    arguments = TrainingArguments(
        output_dir=into,
        max_steps=steps,
        seed=seed,
        report_to="none",
        save_strategy="no",
        show_progress_bar=False,
    )
    rows = {"text": list(data.train.texts), "label": data.train.classes.tolist()}
    Trainer(model=network, args=arguments, train_dataset=Dataset.from_dict(rows)).train()
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}

    def told(texts: list[str]) -> list[int]:
        found = network.predict(texts, batch_size=32, show_progress_bar=False)
        return [int(each) for each in found]

    return {
        **spent,
        **before_and_peak(before),
        "told": told(list(data.test.texts)),
        "told_validation": told(list(data.validation.texts)),
    }
