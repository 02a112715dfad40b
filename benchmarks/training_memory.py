"""The memory and time that tuning a base takes, beside what was estimated: `training_memory`.

Each case is a process of its own with one thread, which takes two steps of AdamW on random tokens:
the second has the moments of the first. Its peak is that of the whole process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import trained
from benchmarks.reporting import Result, Spread, spread
from models.bases.folder import RECORD, BaseRecord
from models.pull.shipped_bases import BASES, SHIPPED
from models.training.fit import BaseSizes, FitSettings, memory_of, seconds_on_cpu

CHILD = "benchmarks.training_memory_steps"
STEPS = 2
RANK = 16
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class MemoryCase:
    """A training that is measured."""

    base: str
    way: str
    batch: int
    tokens: int
    checkpointing: bool = False

    def __str__(self) -> str:
        """Return it in words."""
        kept = ", checkpointing" if self.checkpointing else ""
        return f"{self.base}, {self.way}, {self.batch} x {self.tokens} tokens{kept}"


CASES = (
    MemoryCase("minilm-l6-v2", "full", 16, 128),
    MemoryCase("minilm-l6-v2", "full", 32, 128),
    MemoryCase("minilm-l6-v2", "lora", 32, 128),
    MemoryCase("smollm2-135m-instruct", "lora", 2, 128),
    MemoryCase("smollm2-135m-instruct", "lora", 4, 128),
    MemoryCase("smollm2-135m-instruct", "lora", 4, 128, checkpointing=True),
    MemoryCase("smollm2-135m-instruct", "full", 1, 128),
    MemoryCase("smollm2-135m-instruct", "full", 2, 128),
)


def estimated(case: MemoryCase) -> tuple[float, float]:
    """Return the megabytes and the seconds that are estimated of a case."""
    folder, shipped = BASES / case.base, SHIPPED[case.base]
    record = BaseRecord.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    size = record.files["model.safetensors"].bytes
    sizes = BaseSizes.of(config, size, shipped.kind)
    asked = FitSettings(
        case.batch,
        case.tokens,
        case.way,
        RANK,
        checkpointing=case.checkpointing,
        steps=STEPS,
    )
    return memory_of(sizes, asked).total / _MB, seconds_on_cpu(sizes, asked)


def measure(repetitions: int) -> Result:
    """Measure every case, `repetitions` times each.

    Raises:
        NotTrained: there is no training environment.
    """
    measured: dict[str, Spread] = {}
    ratios: dict[str, float] = {}
    for case in CASES:
        found = [_run(case) for _ in range(repetitions)]
        memory = spread([each["peak_mb"] for each in found], "MB")
        seconds = spread([each["cpu_s"] for each in found], "CPU s")
        measured |= {f"{case}: memory": memory, f"{case}: two steps": seconds}
        guess, guessed_s = estimated(case)
        ratios[f"{case}: memory estimated / measured"] = guess / memory.median
        ratios[f"{case}: time estimated / measured"] = guessed_s / seconds.median
    return Result(
        name="training_memory",
        repetitions=repetitions,
        measured=measured,
        ratios=ratios,
        facts={"cases": [asdict(case) for case in CASES], "rank": RANK},
        notes=("Time is this machine's and depends on other work; memory does not.",),
    )


def _run(case: MemoryCase) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(trained.run(CHILD, json.dumps(asdict(case))))
    return found
