"""A tiny encoder with random weights as the folder of a base model, and data that it can learn."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel

from models.bases.folder import record_base
from models.training.recipe import DataKind
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import DataRow

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = tuple(f"w{number}" for number in range(200))
ABOUT = DataSource(source="made up in a test", licence="CC0-1.0")


def write_base(folder: Path, **config: object) -> Path:
    """Write a base of two layers whose words are w0 to w199; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: at for at, word in enumerate((*SPECIAL, *WORDS))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "vocab_size": len(vocabulary),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.05,
        **config,
    }
    torch.manual_seed(5)
    BertModel(BertConfig(**settings), add_pooling_layer=False).save_pretrained(folder)
    record_base(folder, name="tiny-encoder", source="made up in a test", licence="CC0-1.0")
    return folder


def change_config(base: Path, **changes: object) -> None:
    """Change the config of a base, and its record with it."""
    path = base / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    record_base(base, name="tiny-encoder", source="made up in a test", licence="CC0-1.0")


def sentence(drawing: random.Random, words: Sequence[str] = (), size: int = 8) -> str:
    """Return some words by chance with `words` among them."""
    drawn = [*words, *drawing.choices(WORDS[100:], k=size - len(words))]
    drawing.shuffle(drawn)
    return " ".join(drawn)


def write_rows(
    folder: Path, kind: DataKind, rows: Sequence[DataRow], shares: Mapping[str, int]
) -> Path:
    """Write rows as a channel, as many from the front as each part has; return its folder."""
    parts, at = {}, 0
    for part, count in shares.items():
        parts[part] = rows[at : at + count]
        at += count
    write_channel(folder, kind, parts, ABOUT)  # type: ignore[arg-type]
    return folder
