"""Encoders that were tuned to embed texts, as exported models that a process has open.

The graph `embedder` takes `tokens` and `mask`, int64 [count, length], and returns `vector` of
length 1, so that pooling is in the graph. `context`, `dimensions`, `query_prefix` and
`passage_prefix` are constants of the manifest.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from chalicelib.contracts.indexes import PINNED
from chalicelib.contracts.model_manifest import FILE
from chalicelib.contracts.serving import OPEN_EMBEDDERS, pinned_prefix
from chalicelib.errors import HeadraceError, ModelFailure, NotFound, Throttled, Transient
from chalicelib.inference.embedder import EmbedderSpec, SentenceEmbedder
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.tokenizers import TunedSentenceTokenizer

_INPUTS = ("tokens", "mask")
_TRIAL = "a"
_LENGTH_APART = 1e-3


def open_model(exported: ExportedModel, name: str = "") -> SentenceEmbedder:
    """Open an exported embedder of texts and try it.

    Args:
        exported: the model.
        name: its name in what is said of its vectors; its own unless given.

    Raises:
        ModelFailure: the model is none, or it failed.
    """
    name = name or exported.signature.name
    session = exported.graph_taking("embedder", _INPUTS, "embeds texts")
    tokens = TunedSentenceTokenizer(exported)
    numbers = exported.numbers("context", "dimensions")
    spec = EmbedderSpec(
        dimensions=int(numbers["dimensions"]),
        max_tokens=int(numbers["context"]),
        has_token_types=False,
        tokens=_INPUTS[0],
        mask=_INPUTS[1],
        output="vector",
        special_tokens=tokens.count(""),
        query_prefix=_text(exported, "query_prefix"),
        passage_prefix=_text(exported, "passage_prefix"),
    )
    made = SentenceEmbedder(name, spec, tokens, lambda: session)
    try:
        vector = made.embed([_TRIAL])[0]
    except ValueError as error:  # numpy's, where the vector has another length
        raise ModelFailure(
            f"{name} has other dimensions than {spec.dimensions}: {error}"
        ) from error
    if not abs(float(np.linalg.norm(vector)) - 1) <= _LENGTH_APART:
        raise ModelFailure(f"{name} gives vectors whose length is not 1.")
    return made


class VersionFiles(Protocol):
    """The files of versions that a stage serves."""

    def read(self, key: str) -> bytes:
        """Return what lies at a key; raises `NotFound`, `Throttled` or `Transient`."""


@dataclass(frozen=True, slots=True)
class TunedEmbedders:
    """Pinned versions of embedders that a process has open, the last `OPEN_EMBEDDERS` of them.

    A pinned version never changes, so that nothing is looked up once it is open.
    """

    files: VersionFiles
    _open_models: OrderedDict[str, SentenceEmbedder] = field(default_factory=OrderedDict)

    def get(self, model: str) -> SentenceEmbedder:
        """Return a version by its `pinned_name`.

        Raises:
            ModelFailure: the name is none, the version's files are gone or changed, or it failed.
            Throttled, Transient: the files cannot be read now.
        """
        found = self._open_models.get(model)
        if found is None:
            found = self._open(model)
            while len(self._open_models) >= OPEN_EMBEDDERS:
                self._open_models.popitem(last=False)
            self._open_models[model] = found
        self._open_models.move_to_end(model)
        return found

    def _open(self, model: str) -> SentenceEmbedder:
        try:
            prefix = pinned_prefix(model)
        except ValueError as error:
            raise ModelFailure(str(error)) from error

        def fetch(name: str) -> bytes:
            try:
                return self.files.read(f"{prefix}{name}")
            except NotFound as error:
                raise ModelFailure(
                    f"{name} of {model} is gone. Serve that version again, or move the tenant to"
                    " another model by a reindex job."
                ) from error
            except (Throttled, Transient):
                raise
            except HeadraceError as error:
                # Without the right to list a bucket, S3 forbids what is not there.
                raise ModelFailure(
                    f"{name} of {model} is gone, or may not be read by this function. Serve that"
                    " version again, or move the tenant to another model by a reindex job:"
                    f" {error.message}"
                ) from error

        manifest = fetch(FILE)
        actual = hashlib.sha256(manifest).hexdigest()
        if not actual.startswith(model.partition(PINNED)[2]):
            raise ModelFailure(f"{FILE} of {model} has sha256 {actual}. Serve the version anew.")
        return open_model(ExportedModel.read(fetch, actual), model)


def _text(exported: ExportedModel, name: str) -> str:
    value = exported.signature.constants.get(name, "")
    if not isinstance(value, str):
        raise ModelFailure(f"{exported.signature.name} has a {name} that is no text.")
    return value
