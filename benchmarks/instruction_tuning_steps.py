"""A step of instruction tuning by our task and by trl's SFTTrainer, in one process.

`.venv-training/bin/python -m benchmarks.instruction_tuning_steps STEPS` prints the CPU seconds of
each step of both, of the shipped base and data set: LoRA of the same rank on the same layers, the
same batch, length limit, optimiser and precision, one thread. The first step of each is left out.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

from models.bases.folder import BaseModel, read_base
from models.datasets import bookings
from models.pull.shipped_bases import shipped_base
from models.recipes.instruction_tuning import recipe as tuning
from models.recipes.instruction_tuning.parameters import Parameters
from models.training import recipe
from models.training.devices import DEVICE, select_device
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup

BASE = "smollm2-135m-instruct"


def ours(steps: int, base: BaseModel, data: tuning.Conversations) -> list[float]:
    """Return the CPU seconds of each step of our task."""
    parameters = settings()
    torch.manual_seed(0)
    network = tuning.build(parameters, data, base)
    device = select_device({DEVICE: "cpu"})
    task = tuning.task(TaskSetup(network, data, parameters, device, ProcessGroup()))
    found = []
    for number in range(1, steps + 1):
        began = time.process_time()
        task.step(number)
        found.append(time.process_time() - began)
    return found


class StepClock(TrainerCallback):  # type: ignore[misc]
    """Notes the CPU seconds of each step."""

    def __init__(self) -> None:
        """Begin without steps."""
        self.seconds: list[float] = []
        self._began = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Note when a step begins."""
        self._began = time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note what the step took."""
        self.seconds.append(time.process_time() - self._began)


def theirs(steps: int, base: BaseModel, data: tuning.Conversations) -> list[float]:
    """Return the CPU seconds of each step of trl's trainer."""
    parameters, clock = settings(), StepClock()
    rows = [
        {
            "prompt": [turn.model_dump() for turn in row.messages[:-1]],
            "completion": [row.messages[-1].model_dump()],
        }
        for row in data.train
    ]
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32),
            args=SFTConfig(
                output_dir=folder,
                per_device_train_batch_size=parameters.batch,
                max_steps=steps,
                learning_rate=parameters.learning_rate,
                max_length=parameters.max_tokens,
                completion_only_loss=True,
                use_cpu=True,
                bf16=parameters.precision == "bf16",
                gradient_checkpointing=False,
                report_to=[],
                save_strategy="no",
                disable_tqdm=True,
                dataloader_pin_memory=False,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(base.folder),
            peft_config=LoraConfig(
                r=parameters.rank,
                lora_alpha=parameters.scale,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
            callbacks=[clock],
        )
        trainer.train()
    return clock.seconds


def settings() -> Parameters:
    """Return the settings of the tiny preset."""
    found = recipe.resolve(recipe.load("instruction_tuning"), "tiny")
    assert isinstance(found, Parameters)
    return found


def main(steps: int) -> None:
    """Print both, and the ratio of their sums."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        bookings.prepare(Path(folder))
        data = tuning.read(Path(folder))
    base = read_base(shipped_base(BASE))
    own, other = ours(steps + 1, base, data)[1:], theirs(steps + 1, base, data)[1:]
    ratio = sum(own) / sum(other)
    found = {"ours": own, "trl": other, "ratio": round(ratio, 3)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
