"""The composition root of the functions that embed texts."""

from __future__ import annotations

import functools
import time

from chalicelib.adapters import aws
from chalicelib.adapters.model_versions import ModelVersions
from chalicelib.adapters.s3 import S3Objects
from chalicelib.contracts.indexes import PINNED
from chalicelib.contracts.serving import pinned_name
from chalicelib.inference.embedder import Embedder, SentenceEmbedder
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.hot_swap import HotSwap
from chalicelib.inference.tuned_embedder import TunedEmbedders
from chalicelib.observability import log_not_swapped


class StageEmbedders:
    """The embedders of a bundle, and the tuned ones that the stage's bucket has."""

    def __init__(self, models_dir: str, bucket: str) -> None:
        """Open models of the catalogue from `models_dir`, each once."""
        self._bundled = functools.cache(functools.partial(Embedder.open, models_dir))
        self._tuned = tuned_embedders(bucket)

    def get(self, model: str) -> SentenceEmbedder:
        """Return the model of an index; raises `ModelFailure`, and what S3 does."""
        return self._tuned.get(model) if PINNED in model else self._bundled(model)


@functools.cache
def tuned_embedders(bucket: str) -> TunedEmbedders:
    """Return the pinned versions of a stage, which this process keeps open."""
    return TunedEmbedders(_versions(bucket))


def served_name(model: str, bucket: str) -> str:
    """Return the pinned name of the version that serves as `model`; a pinned name is its own.

    Raises:
        Conflict: the stage serves no version of it.
        ModelFailure: the manifest of the version is gone or changed.
        Throttled, Transient: what serves cannot be looked up now.
    """
    if PINNED in model:
        return model
    return pinned_name(model, _serving(bucket).get(model).version.signature)


@functools.cache
def _versions(bucket: str) -> ModelVersions:
    return ModelVersions(S3Objects(aws.s3()), bucket)


@functools.cache
def _serving(bucket: str) -> HotSwap[ExportedModel]:
    """Return the manifests of what serves; their graphs are opened by pinned names."""
    return HotSwap(_versions(bucket), lambda exported: exported, time.monotonic, log_not_swapped)
