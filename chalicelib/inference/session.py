"""ONNX sessions, with the options that suit a function: one thread, one request at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.errors import ModelFailure

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


_SLOWER = ["SkipLayerNormFusion"]
"""onnxruntime's fused Add and LayerNormalization takes longer on a CPU than the two apart: without
it MiniLM runs a fifth faster at 256 tokens and a quarter at 32 (onnxruntime 1.32, AVX-512)."""


def open_session(path: Path, *, prepack: bool = True) -> InferenceSession:
    """Open the model at `path` for one thread.

    `prepack=False` leaves weights where they are mapped: for large fp32 models that are opened
    for a single request it starts several times faster and takes half the memory. For the int8
    MiniLM it saves nothing (20 ms against 22) and each run is a fifth slower.

    Raises:
        ModelFailure: the file is missing or is no model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not prepack:
        options.add_session_config_entry("session.disable_prepacking", "1")
    try:
        return onnxruntime.InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=_SLOWER,
        )
    except Exception as error:  # onnxruntime's own errors share no narrower base
        raise ModelFailure(f"The model {path.name} could not be opened: {error}") from error
