"""Small models that tell something of pictures, made without training: they know colours.

A BLIP-2 says "a red" of what is red, and "red" where it is asked "which colour ?". A Flamingo says
the colour, and whether it is light or dark where one of these words was shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import helper

from tests.exported_models import Files, exported, graph

SIDE = 8
MARKS = ("<pad>", "</s>", "<unk>", "<s>", "<decode>", "<image>", "is", ";")
WORDS = ("?", "a", "blue", "colour", "dark", "green", "light", "red", "which")
NUMBERS = {word: at for at, word in enumerate((*MARKS, *WORDS))}
COLOURS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1)}
_PICTURES: dict[str, Any] = {
    "side": SIDE,
    "channels": 3,
    "lowest": -1.0,
    "highest": 1.0,
    "vocabulary": len(NUMBERS),
}
_END, _BEGIN, _IMAGE, _IS, _NEXT = (NUMBERS[each] for each in ("</s>", "<s>", "<image>", "is", ";"))


def blip2_files(ends: bool = True, **constants: Any) -> Files:
    """Return a model that captions and answers; where it does not end, it says a colour for ever.
    `constants` are other than its own.
    """
    after, said = _table(), _table()
    after[_BEGIN, NUMBERS["a"]] = 8
    for colour in COLOURS:
        after[NUMBERS["a"], NUMBERS[colour]] = 50
        after[NUMBERS[colour], _END] = 100 if ends else 0
        said[NUMBERS["which"], NUMBERS[colour]] = 20
    nodes = [
        helper.make_node("Gather", ["tokens", "last"], ["at"], axis=1),
        helper.make_node("Gather", ["after", "at"], ["follows"]),
        helper.make_node("ReduceSum", ["queries", "first"], ["colour"], keepdims=0),
    ]
    own = {"queries": 1, "width": 3, "context": 10, "pad": 0}
    inputs: Any = {"queries": ["n", 1, 3], "tokens": ["n", "length"]}
    return _model(
        "queries",
        _decoder(nodes, inputs, said, {"after": after}, ["follows"]),
        {**own, "begin": _BEGIN, "end": _END, **constants},
        "blip2",
    )


def flamingo_files(words: bytes | None = None, **constants: Any) -> Files:
    """Return a model that answers as it is shown; its tokenizer and `constants` may be others."""
    said = _table()
    for shown in ("light", "dark"):
        said[NUMBERS[shown], [NUMBERS["light"], NUMBERS["dark"]]] = 20
    nodes = [
        helper.make_node("Gather", ["latents", "last"], ["picture"], axis=1),
        helper.make_node("ReduceSum", ["picture", "first"], ["colour"], keepdims=0),
    ]
    inputs: Any = {"latents": ["n", "pictures", 1, 3], "tokens": ["n", "length"]}
    own = {"latents": 1, "image_width": 3, "context": 64, "shots": 2}
    marks = {"image": _IMAGE, "is": _IS, "next": _NEXT}
    decoder = _decoder(nodes, inputs, said, {}, [])
    return _model("latents", decoder, {**own, **marks, **constants}, "flamingo", words)


def tokenizer_file(numbers: Mapping[str, int] = NUMBERS) -> bytes:
    """Return a tokenizer of whole words, as training writes it."""
    return json.dumps({"model": {"type": "WordLevel", "vocab": dict(numbers)}}).encode()


def _table() -> np.ndarray:
    return np.zeros((len(NUMBERS), len(NUMBERS)), np.float32)


def _model(
    output: str, decoder: bytes, own: dict[str, Any], recipe: str, words: bytes | None = None
) -> Files:
    shape: Any = ["n", 1, 3]
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], [output]),
    ]
    values = {"axes": np.array([2, 3]), "one": np.array([1])}
    vision = graph(nodes, {"image": ["n", 3, SIDE, SIDE]}, output, values, shape)
    graphs = {"vision": (("image",), vision), "decoder": ((output, "tokens"), decoder)}
    beside = {"tokenizer.json": tokenizer_file() if words is None else words}
    return exported(graphs, {**_PICTURES, **own}, beside, recipe)


def _decoder(
    nodes: list[Any],
    inputs: Any,
    said: np.ndarray,
    values: dict[str, Any],
    more: list[str],
) -> bytes:
    """Return a graph whose logits are of the `colour` [n, 3], of all words before, and `more`."""
    tells = np.zeros((3, len(NUMBERS)), np.float32)
    for colour, mix in COLOURS.items():
        tells[:, NUMBERS[colour]] = np.array(mix)
    tells[:, NUMBERS["light"]], tells[:, NUMBERS["dark"]] = 0.2, -0.2
    nodes = [
        *nodes,
        helper.make_node("MatMul", ["colour", "tells"], ["seen"]),
        helper.make_node("Gather", ["said", "tokens"], ["words"]),
        helper.make_node("ReduceSum", ["words", "first"], ["before"], keepdims=0),
        helper.make_node("Sum", ["seen", "before", *more], ["logits"]),
    ]
    values = {**values, "said": said, "tells": tells}
    values |= {"first": np.array([1]), "last": np.array(-1)}
    return graph(nodes, inputs, "logits", values, ["n", len(NUMBERS)])
