"""The baseline of a version of a subject: what its calls were like when it was new."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from chalicelib.contracts.captures import CaptureSubject
from chalicelib.monitoring.features import EmbeddingProjection, FeatureValues


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the first calls of a version were like.

    Attributes:
        subject: The subject.
        version: The version.
        first_id: The id of the first call that it is made of, "" if it is not made of calls.
        last_id: The id of the last one: only calls behind it are compared.
        created_at: When it was made.
        source: Where it comes from: `captures`, the URI of a file, or an evaluation.
        values: The values of the calls by feature, those of projections among them.
        projections: The projections of inputs and outputs, by `input` and `output`.
    """

    subject: CaptureSubject
    version: str
    first_id: str
    last_id: str
    created_at: datetime
    source: str
    values: FeatureValues
    projections: Mapping[str, EmbeddingProjection] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the baseline as a compressed archive of arrays."""
        described = {
            "subject": self.subject.model_dump(),
            "version": self.version,
            "first_id": self.first_id,
            "last_id": self.last_id,
            "created_at": self.created_at.isoformat(),
            "source": self.source,
            "calls": self.values.calls,
            "categories": self.values.categories,
            "models": {name: one.model for name, one in self.projections.items()},
        }
        arrays: dict[str, Any] = {
            _DESCRIPTION: np.frombuffer(json.dumps(described).encode(), np.uint8)
        }
        for name, values in self.values.numbers.items():
            arrays[f"{_NUMBERS}{name}"] = values.astype(np.float32)
        for name, projection in self.projections.items():
            arrays[f"{_MEAN}{name}"] = projection.mean.astype(np.float32)
            arrays[f"{_COMPONENTS}{name}"] = projection.components.astype(np.float32)
        written = io.BytesIO()
        np.savez_compressed(written, **arrays)
        return written.getvalue()

    @classmethod
    def from_bytes(cls, body: bytes) -> Baseline:
        """Return the baseline that `to_bytes` wrote."""
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            described = json.loads(arrays[_DESCRIPTION].tobytes())
            numbers = {
                name.removeprefix(_NUMBERS): arrays[name].astype(np.float64)
                for name in arrays.files
                if name.startswith(_NUMBERS)
            }
            projections = {
                name: EmbeddingProjection(model, arrays[_MEAN + name], arrays[_COMPONENTS + name])
                for name, model in described["models"].items()
            }
        return cls(
            subject=CaptureSubject.model_validate(described["subject"]),
            version=described["version"],
            first_id=described["first_id"],
            last_id=described["last_id"],
            created_at=datetime.fromisoformat(described["created_at"]),
            source=described["source"],
            values=FeatureValues(described["calls"], numbers, described["categories"]),
            projections=projections,
        )


_DESCRIPTION, _NUMBERS, _MEAN, _COMPONENTS = "description", "n:", "mean:", "components:"
