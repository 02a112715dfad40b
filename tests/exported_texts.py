"""Small models of words, made without training: one says which word follows which, as a table has
it, another how often a word is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.exported_models import Files, Shape, exported, graph

MARKS = ("<pad>", "<end>", "<unk>")
WORDS = (".", "bed", "cold", "room", "the", "warm", "was")
NUMBERS = {word: at for at, word in enumerate((*MARKS, *WORDS))}
FOLLOWS = {"the": "room", "room": "was", "was": "warm", "warm": ".", ".": "<end>"}
END = NUMBERS["<end>"]
_KEPT: Shape = ["layers", "n", "heads", "past", "size"]


def speaker(
    follows: Mapping[str, str] = FOLLOWS, recipe: str = "policy", **constants: Any
) -> Files:
    """Return a decoder that says after each word what `follows`, and else nothing in particular;
    `constants` are other than its own.
    """
    table = np.zeros((len(NUMBERS), len(NUMBERS)), np.float32)
    for word, next_word in follows.items():
        table[NUMBERS[word], NUMBERS[next_word]] = 9
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["logits"]),
        helper.make_node("Cast", ["tokens"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["numbers", "row"], ["new"]),
        helper.make_node("Concat", ["past_keys", "new"], ["keys"], axis=3),
        helper.make_node("Concat", ["past_values", "new"], ["values"], axis=3),
    ]
    inputs: dict[str, Shape] = {"tokens": ["n", "length"], "past_keys": _KEPT, "past_values": _KEPT}
    values = {"table": table, "row": np.array([1, 1, 1, -1, 1])}
    kept = {"keys": _KEPT, "values": _KEPT}
    content = graph(nodes, inputs, "logits", values, ["n", "length", "vocabulary"], kept)
    own = {"layers": 1, "heads": 1, "head_size": 1, "context": 8, "end": END, "prefix": 0}
    own["vocabulary"] = len(NUMBERS)
    graphs = {"decoder": (tuple(inputs), content)}
    return exported(graphs, {**own, **constants}, {"tokenizer.json": tokenizer()}, recipe)


def scorer(liked: str = "warm", recipe: str = "reward_model", **constants: Any) -> Files:
    """Return a model that gives a text as much as it has of the word `liked`, and -6 where it does
    not end; `constants` are other than its own.
    """
    worth = np.zeros(len(NUMBERS), np.float32)
    worth[NUMBERS[liked]] = 1
    nodes = [
        helper.make_node("Gather", ["worth", "tokens"], ["each"]),
        helper.make_node("Cast", ["mask"], ["read"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["each", "read"], ["said"]),
        helper.make_node("ReduceSum", ["said", "across"], ["sum"], keepdims=0),
        helper.make_node("Equal", ["tokens", "end"], ["is_end"]),
        helper.make_node("Cast", ["is_end"], ["ends"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["ends", "across"], ["ended"], keepdims=0),
        helper.make_node("Cast", ["ended"], ["whole"], to=TensorProto.BOOL),
        helper.make_node("Where", ["whole", "sum", "unended"], ["score"]),
    ]
    values = {
        "worth": worth,
        "across": np.array([1]),
        "end": np.array(END),
        "unended": np.float32(-6),
    }
    inputs: dict[str, Shape] = {"tokens": ["n", "length"], "mask": ["n", "length"]}
    content = graph(nodes, inputs, "score", values, ["n"])
    own = {"end": END, "pad": 0, "context": 8, "vocabulary": len(NUMBERS), "unended": -6.0}
    graphs = {"scorer": (tuple(inputs), content)}
    return exported(graphs, {**own, **constants}, {"tokenizer.json": tokenizer()}, recipe)


def tokenizer() -> bytes:
    """Return a tokenizer of whole words, as the recipes of reviews bring it."""
    made = Tokenizer(models.WordLevel(NUMBERS, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(list(MARKS))
    return bytes(made.to_str().encode())


LABELS = ("cool", "hot")


def classifier(recipe: str = "text_classifier", **constants: Any) -> Files:
    """Return a model whose logit of "hot" is how often a text says warm by its length, doubled, and
    of "cool" how often it says cold; `constants` are other than its own.
    """
    table = np.zeros((len(NUMBERS), len(LABELS)), np.float32)
    table[NUMBERS["cold"], 0] = table[NUMBERS["warm"], 1] = 2
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["each"]),
        helper.make_node("ReduceMean", ["each", "across"], ["mean"], keepdims=0),
        helper.make_node("Cast", ["mask"], ["read"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["read", "across"], ["one"], keepdims=1),
        helper.make_node("Mul", ["mean", "one"], ["logits"]),
    ]
    values = {"table": table, "across": np.array([1])}
    inputs: dict[str, Shape] = {"tokens": ["n", "length"], "mask": ["n", "length"]}
    content = graph(nodes, inputs, "logits", values, ["n", len(LABELS)])
    own = {"labels": LABELS, "temperature": 0.5, "context": 4, "pad": 0}
    graphs = {"classifier": (tuple(inputs), content)}
    return exported(graphs, {**own, **constants}, {"tokenizer.json": tokenizer()}, recipe)


def tagger(recipe: str = "token_classifier", **constants: Any) -> Files:
    """Return a model that tags `the` as the beginning of a place and `room` as its inside, and bed
    as an inside without a beginning; `constants` are other than its own.
    """
    tags = ("O", "B-place", "I-place", "B-thing", "I-thing")
    table = np.zeros((len(NUMBERS), len(tags)), np.float32)
    table[:, 0] = 3
    for word, tag in (("the", 1), ("room", 2), ("bed", 4)):
        table[NUMBERS[word], tag] = 6
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["each"]),
        helper.make_node("Cast", ["mask"], ["read"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["read", "last"], ["column"]),
        helper.make_node("Mul", ["each", "column"], ["logits"]),
    ]
    values = {"table": table, "last": np.array([2])}
    inputs: dict[str, Shape] = {"tokens": ["n", "length"], "mask": ["n", "length"]}
    content = graph(nodes, inputs, "logits", values, ["n", "length", len(tags)])
    graphs = {"tagger": (tuple(inputs), content)}
    own = {"tags": tags, "context": 6, "pad": 0, **constants}
    return exported(graphs, own, {"tokenizer.json": tokenizer()}, recipe)


def embedder(
    tokens: bytes | None = None, dimensions: int = 4, seed: int = 0, **constants: Any
) -> Files:
    """Return a model whose vector of a text is the mean of its tokens', which are by chance, made
    as long as 1; `tokens` is another tokenizer, and `constants` are other than its own.
    """
    count = Tokenizer.from_buffer(tokens).get_vocab_size() if tokens else len(NUMBERS)
    table = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["each"]),
        helper.make_node("Cast", ["mask"], ["read"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["read", "last"], ["column"]),
        helper.make_node("Mul", ["each", "column"], ["said"]),
        helper.make_node("ReduceSum", ["said", "across"], ["sum"], keepdims=0),
        helper.make_node("ReduceL2", ["sum", "across"], ["length"], keepdims=1),
        helper.make_node("Div", ["sum", "length"], ["vector"]),
    ]
    values = {"table": table, "last": np.array([2]), "across": np.array([1])}
    inputs: dict[str, Shape] = {"tokens": ["n", "length"], "mask": ["n", "length"]}
    content = graph(nodes, inputs, "vector", values, ["n", dimensions])
    own = {"context": 256, "dimensions": dimensions, "pad": 0, **constants}
    graphs = {"embedder": (tuple(inputs), content)}
    return exported(graphs, own, {"tokenizer.json": tokens or tokenizer()}, "text_embedder")
