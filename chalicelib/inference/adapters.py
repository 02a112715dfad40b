"""Adapters of a base model: LoRA matrices, and keys and values of a prefix.

The graph of a base is opened once in a process, however many versions adapt it. LoRA's matrices are
optional inputs of the graph, which are empty by default, so that the base itself answers without.
https://onnxruntime.ai/docs/api/python/api_summary.html#runoptions
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

import numpy as np

from chalicelib.contracts.model_manifest import ADAPTER_FILE, PREFIX_FILE
from chalicelib.errors import ModelFailure
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.text_decoder import DecoderShape, Floats

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, LoraAdapter, RunOptions


class OpenGraph(Protocol):
    """Opens a graph of a model."""

    def __call__(self) -> InferenceSession:
        """Return the open graph; raises `ModelFailure`."""


@dataclass(frozen=True, slots=True)
class SharedGraphs:
    """Open graphs by the sha256 of their content; one that no model uses any more is closed."""

    _open: WeakValueDictionary[str, InferenceSession] = field(default_factory=WeakValueDictionary)

    def get(self, sha256: str, opened: OpenGraph) -> InferenceSession:
        """Return the open graph of a content, which `opened` opens if none is open."""
        found = self._open.get(sha256)
        if found is None:
            found = self._open[sha256] = opened()
        return found


class Adapter:
    """LoRA matrices for the optional inputs of a graph."""

    def __init__(self, adapter: LoraAdapter) -> None:
        """Use an adapter that onnxruntime has read."""
        from onnxruntime import RunOptions

        self._adapter = adapter
        self.options: RunOptions = RunOptions()
        self.options.add_active_adapter(adapter)

    @classmethod
    def of(cls, exported: ExportedModel) -> Adapter | None:
        """Read the adapter of a model, or return None if it has none. Raises `ModelFailure`."""
        if ADAPTER_FILE not in exported.signature.files:
            return None
        from onnxruntime import LoraAdapter

        adapter = LoraAdapter()
        # onnxruntime reads adapters from files alone.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ADAPTER_FILE
            path.write_bytes(exported.file(ADAPTER_FILE))
            try:
                adapter.Load(str(path))
            except Exception as error:  # onnxruntime's errors have no narrower base class
                raise ModelFailure(f"{ADAPTER_FILE} cannot be read: {error}") from error
        return cls(adapter)


def read_prefix(exported: ExportedModel, shape: DecoderShape) -> tuple[Floats, Floats] | None:
    """Return the keys and values that stand before every prompt, or None if there are none.

    Raises:
        ModelFailure: the file is broken, or of another model.
    """
    if PREFIX_FILE not in exported.signature.files:
        return None
    wanted = (shape.layers, 1, shape.heads, shape.prefix, shape.head_size)
    try:
        with np.load(io.BytesIO(exported.file(PREFIX_FILE)), allow_pickle=False) as archive:
            keys, values = (np.asarray(archive[name], np.float32) for name in ("keys", "values"))
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise ModelFailure(f"{PREFIX_FILE} cannot be read: {error}") from error
    if keys.shape != wanted or values.shape != wanted:
        raise ModelFailure(f"{PREFIX_FILE} has keys of {keys.shape}, and {wanted} is needed.")
    return keys, values
