"""Instances that train: `instances.json`, with the memory of each, and what EC2 asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

FILE = Path(__file__).with_name("instances.json")


class Instance(BaseModel):
    """An instance: the memory of its host and of each of its accelerators, in GiB.

    `device` is torch's name for what trains there. `ec2_usd_an_hour` is EC2's list price of the
    same machine, which SageMaker's exceeds; None if there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    memory_gib: int
    accelerators: int
    accelerator_gib: int
    ec2_usd_an_hour: Decimal | None

    @property
    def gib_a_process(self) -> int:
        """Return the memory that one process has: an accelerator's, or else the host's."""
        return self.accelerator_gib or self.memory_gib

    @property
    def processes(self) -> int:
        """Return how many processes share a batch: one an accelerator."""
        return max(self.accelerators, 1)


@cache
def instances() -> Mapping[str, Instance]:
    """Return the instances by name."""
    written = json.loads(FILE.read_text(encoding="utf-8"))["instances"]
    return {name: Instance.model_validate(each) for name, each in written.items()}
