"""ONNX sessions with options that suit a function: one thread, one request at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.errors import ModelFailure

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


_SLOW_OPTIMIZERS = ["SkipLayerNormFusion"]
"""onnxruntime's fused Add and LayerNormalization is slower on a CPU than the two apart: without it
MiniLM runs a fifth faster at 256 tokens and a quarter at 32 (onnxruntime 1.32, AVX-512).
"""

_EXACT_INT8 = "session.x64quantprecision"
"""Without VNNI the products of int8 weights and uint8 values overflow 16 bits, so that MiniLM's
vectors of one text would differ from processor to processor by up to .03 of a cosine. With this
option such processors multiply uint8 by uint8, which is slower and does not overflow; others ignore
it. https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""
_EXTERNAL_DATA = "session.model_external_initializers_file_folder_path"
_GRAPH, _OUTPUT, _NAME = b"\x3a", b"\x62", b"\x0a"
"""Protobuf tags: ModelProto.graph (7), GraphProto.output (12), ValueInfoProto.name (1).

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""


def _extra_output(name: str) -> bytes:
    """Return bytes that, appended to a serialised model, make its value `name` an output.

    Protobuf merges an embedded message that occurs twice, and concatenates its repeated fields.
    https://protobuf.dev/programming-guides/encoding/#last-one-wins
    """
    message = name.encode()
    for tag in (_NAME, _OUTPUT, _GRAPH):
        if len(message) > _LENGTH_IN_ONE_BYTE:
            raise ModelFailure(f"The output's name {name!r} is too long.")
        message = tag + bytes([len(message)]) + message
    return message


_LENGTH_IN_ONE_BYTE = 127


def pulled_folder(models_dir: Path | str, model: str, *files: str) -> Path:
    """Return the folder of a pulled model; raise `ModelFailure` if one of `files` is missing."""
    folder = Path(models_dir) / model
    if missing := [name for name in files if not (folder / name).is_file()]:
        raise ModelFailure(
            f"{model} is not in {models_dir}: no {', '.join(missing)}."
            f" `headrace models pull {model}` gets it."
        )
    return folder


def open_session(
    path: Path | bytes, *, prepack: bool = True, extra_output: str | None = None
) -> InferenceSession:
    """Open a model file, or the bytes of a model, for one thread.

    Args:
        path: the file or the bytes.
        prepack: `False` leaves weights where they are mapped: for large fp32 models that are opened
            for a single request it starts several times faster and takes half the memory. For the
            int8 MiniLM it saves nothing (20 ms against 22) and each run is a fifth slower.
        extra_output: a value inside the graph that becomes one more output, so that one file on
            disk, with one hash, serves those who need it and those who do not.

    Raises:
        ModelFailure: the file is missing or is no model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry(_EXACT_INT8, "1")
    if not prepack:
        options.add_session_config_entry("session.disable_prepacking", "1")
    try:
        model: str | bytes = path if isinstance(path, bytes) else str(path)
        if extra_output is not None:
            assert isinstance(path, Path), (
                "an extra output needs a file, which lies beside its weights"
            )
            model = path.read_bytes() + _extra_output(extra_output)
            options.add_session_config_entry(_EXTERNAL_DATA, str(path.parent))
        return onnxruntime.InferenceSession(
            model,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=_SLOW_OPTIMIZERS,
        )
    except Exception as error:  # onnxruntime's errors have no narrower base class
        name = path.name if isinstance(path, Path) else f"of {len(path)} bytes"
        raise ModelFailure(f"The model {name} could not be opened: {error}") from error
