"""A small CLIP, made without training: the vector of a picture is its mean colour, and of a text
the sum of the colours that it names, both brought to length 1.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from onnx import helper
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from tests.exported_models import Files, exported, graph

SIDE, LONGEST = 8, 6
SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
COLOURS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1), "white": (0.7, 0.7, 0.7)}
PLAIN = ("a", "b", "very")
"""Words that say next to nothing."""
CONSTANTS: dict[str, Any] = {
    "side": SIDE,
    "channels": 3,
    "lowest": -1.0,
    "highest": 1.0,
    "vector": 3,
    "prompt_tokens": LONGEST,
    "temperature": 0.5,
    "templates": ("a {}", "{}"),
}


def clip_files(recipe: str = "clip_emoji", **constants: Any) -> Files:
    """Return the model as a version of a recipe; `constants` are other than its own."""
    graphs = {
        "image_tower": (("image",), _image_tower()),
        "text_tower": (("tokens", "mask"), _text_tower()),
    }
    beside = {"tokenizer.json": tokenizer()}
    return exported(graphs, {**CONSTANTS, **constants}, beside, recipe)


def tokenizer() -> bytes:
    """Return a tokenizer of whole words, which cuts and fills texts as training's does."""
    words = {word: at for at, word in enumerate((*SPECIAL, *COLOURS, *PLAIN))}
    made = Tokenizer(models.WordLevel(words, unk_token=SPECIAL[1]))
    made.add_special_tokens(list(SPECIAL))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    made.enable_truncation(LONGEST)
    made.enable_padding(length=LONGEST)
    text: str = made.to_str()
    return text.encode()


def image_file(colour: tuple[int, int, int], kind: str = "PNG", side: int = SIDE) -> bytes:
    """Return a file of a picture of one colour."""
    written = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(written, format=kind)
    return written.getvalue()


def unit(*numbers: float) -> np.ndarray:
    """Return these numbers, brought to length 1."""
    found = np.array(numbers, np.float64)
    return found / np.linalg.norm(found)


def _image_tower() -> bytes:
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
        helper.make_node("LpNormalization", ["mean"], ["vector"], axis=1, p=2),
    ]
    inputs: Any = {"image": ["n", 3, SIDE, SIDE]}
    return graph(nodes, inputs, "vector", {"axes": np.array([2, 3])}, ["n", 3])


def _text_tower() -> bytes:
    rows = [(0, 0, 0)] * len(SPECIAL) + [*COLOURS.values()] + [(1e-4, 1e-4, 1e-4)] * len(PLAIN)
    table = np.array(rows, np.float32)
    table[1] = 1e-4
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["said"]),
        helper.make_node("Cast", ["mask"], ["share"], to=1),
        helper.make_node("Unsqueeze", ["share", "last"], ["shares"]),
        helper.make_node("Mul", ["said", "shares"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "first"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["vector"], axis=1, p=2),
    ]
    values = {"table": table, "last": np.array([2]), "first": np.array([1])}
    inputs: Any = {"tokens": ["n", LONGEST], "mask": ["n", LONGEST]}
    return graph(nodes, inputs, "vector", values, ["n", 3])
