"""What surrounds a run that improves a model, in memory; `fails` counts calls that fail next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.adapters.model_registry import RegisteredModel
from chalicelib.errors import NotFound, Transient


@dataclass
class FakeBucket:
    """A bucket's objects by key."""

    objects: dict[str, bytes] = field(default_factory=dict)
    fails: int = 0

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        for key, body in sorted(self.objects.items()):
            if key.startswith(prefix):
                yield key, len(body)

    def read(self, bucket: str, key: str) -> bytes:
        if key not in self.objects:
            raise NotFound(f"reading {key}: it is not there")
        return self.objects[key]

    def write(self, bucket: str, key: str, body: bytes) -> None:
        if self.fails:
            self.fails -= 1
            raise Transient("The connection broke.")
        self.objects[key] = body


@dataclass
class FakeRegistry:
    """Versions by ARN; their artefacts are named after them."""

    statuses: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    fails: int = 0

    def add(self, arn: str, status: str) -> None:
        self.statuses.setdefault(arn, status)

    def set(self, arn: str, status: str) -> None:
        self.statuses[arn] = status

    def version(self, arn: str) -> RegisteredModel:
        return RegisteredModel(self.statuses[arn], f"{arn}.tar.gz")

    def reject(self, arn: str, reason: str) -> None:
        if self.fails:
            self.fails -= 1
            raise Transient("The connection broke.")
        self.statuses[arn] = "Rejected"
        self.rejected[arn] = reason
