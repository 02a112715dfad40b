"""Whisper as two ONNX graphs, from the weights of faster-whisper's packages.

The matrices are in 8 bits, in blocks of 128 values that share a scale: base has 80 MB in place of
290. The table of tokens, a third of all, is kept once, for looking up and for the logits.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper

from models.pull.block_weights import (
    ZERO,
    in_blocks,
    matrices_in_blocks,
    multiply_in_blocks,
)
from models.pull.ctranslate2_files import read_ctranslate2
from models.pull.sentence_graph import save_external
from models.pull.whisper_graphs import EMBEDDINGS, WhisperShape, decoder, encoder

_SPECIFICATION = "WhisperSpec"


def whisper_int8(source: Path, target: Path) -> None:
    """Write the graphs of the Whisper in `source` to `target`, their matrices in 8 bits."""
    _convert(source, target, in_8_bits=True)


def whisper_fp32(source: Path, target: Path) -> None:
    """Write the graphs of the Whisper in `source` to `target`, in single precision."""
    _convert(source, target, in_8_bits=False)


def _convert(source: Path, target: Path, *, in_8_bits: bool) -> None:
    weights = read_ctranslate2(source / "model.bin", _SPECIFICATION)
    written = json.loads((source / "config.json").read_bytes())
    heads = [(layer, head) for layer, head in written["alignment_heads"]]
    for name, graph in (("encoder", encoder(weights)), ("decoder", decoder(weights, heads))):
        if in_8_bits:
            if name == "decoder":
                _table_in_blocks(graph.graph, WhisperShape.of(weights))
            matrices_in_blocks(graph.graph)
        onnx.checker.check_model(graph)
        save_external(graph, target, name)
    context = WhisperShape.of(weights).context
    settings = {"suppressed": written["suppress_ids"], "context": context}
    (target / "settings.json").write_text(json.dumps(settings))
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")


def _table_in_blocks(graph: onnx.GraphProto, shape: WhisperShape) -> None:
    """Keep the table of tokens in blocks, which vectors are looked up in and multiplied by."""
    (table,) = (each for each in graph.initializer if each.name == EMBEDDINGS)
    whole, scales = in_blocks(numpy_helper.to_array(table))
    graph.initializer.remove(table)
    graph.initializer.append(numpy_helper.from_array(whole, EMBEDDINGS))
    graph.initializer.append(numpy_helper.from_array(scales, f"{EMBEDDINGS}_scales"))
    (turn,) = (
        each for each in graph.node if EMBEDDINGS in each.input and each.op_type == "Transpose"
    )
    (product,) = (each for each in graph.node if turn.output[0] in each.input)
    graph.node.remove(turn)
    multiply_in_blocks(product, EMBEDDINGS, shape.width, shape.vocabulary)
    (at,) = (
        number
        for number, each in enumerate(graph.node)
        if EMBEDDINGS in each.input and each.op_type == "Gather"
    )
    found = graph.node[at].output[0]
    graph.node[at].output[0] = f"{found}_whole"
    for number, node in enumerate(_unpacking(graph, found, shape), 1):
        graph.node.insert(at + number, node)


def _unpacking(graph: onnx.GraphProto, found: str, shape: WhisperShape) -> Sequence[onnx.NodeProto]:
    """Return the nodes that turn blocks of tokens, (1, n, blocks, BLOCK), into vectors."""
    sizes = helper.make_tensor(f"{found}_sizes", TensorProto.INT64, [3], [0, 0, shape.width])
    zero = helper.make_tensor(f"{found}_zero", TensorProto.FLOAT, [], [float(ZERO)])
    last = helper.make_tensor(f"{found}_axis", TensorProto.INT64, [1], [3])
    graph.initializer.extend([sizes, zero, last])
    make = helper.make_node
    return (
        make("Cast", [f"{found}_whole"], [f"{found}_float"], to=TensorProto.FLOAT),
        make("Sub", [f"{found}_float", zero.name], [f"{found}_signed"]),
        make("Gather", [f"{EMBEDDINGS}_scales", "tokens"], [f"{found}_scale"]),
        make("Unsqueeze", [f"{found}_scale", last.name], [f"{found}_by"]),
        make("Mul", [f"{found}_signed", f"{found}_by"], [f"{found}_blocks"]),
        make("Reshape", [f"{found}_blocks", sizes.name], [found]),
    )
