"""Tiny bases of pictures and texts with random weights, of each architecture, and rows to learn."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

from models.bases.architectures import PAIRED_TOWERS
from models.bases.folder import BaseModel, read_base, record_base
from models.networks.image_text_bases import PairedTowers
from models.training_data.channel import ChannelWriter, DataPart, DataSource
from models.training_data.rows import CaptionedImage, ClassedImage

SIDE, POSITIONS = 16, 12
COLOURS = ("red", "lime", "blue", "white", "black", "yellow")
_WORDS = (*COLOURS, "over", "a", "photo", "of", *(f"w{at}" for at in range(20)))
_SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
_SHADES = {
    "red": (220, 20, 20),
    "lime": (20, 220, 20),
    "blue": (20, 20, 220),
    "white": (230, 230, 230),
    "black": (20, 20, 20),
    "yellow": (220, 220, 20),
}
ARCHITECTURES = (PAIRED_TOWERS, "clip", "siglip")


def tower_base(folder: Path, architecture: str = PAIRED_TOWERS) -> BaseModel:
    """Write a base of an architecture, drawn by chance, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    if architecture == PAIRED_TOWERS:
        _write_pair(folder)
    else:
        _write_transformers(folder, architecture)
    _tokenizer(begins=architecture != "siglip").save(str(folder / "tokenizer.json"))
    record_base(folder, name=f"tiny-{architecture}", source="made in a test", licence="CC0-1.0")
    return read_base(folder)


def _write_pair(folder: Path) -> None:
    blocks = [
        {"widening": 1, "kernel": 3, "stride": 1, "width": 8, "count": 1},
        {"widening": 2, "kernel": 3, "stride": 2, "width": 16, "count": 2},
    ]
    config = {
        "model_type": PAIRED_TOWERS,
        "vision_config": {
            "image_size": SIDE,
            "stem": 8,
            "features": 32,
            "classes": 10,
            "blocks": blocks,
        },
        "text_config": {**_sizes(), "hidden_dropout_prob": 0.0, "pad_token_id": 0},
    }
    towers = PairedTowers(config)
    torch.nn.init.normal_(towers.class_vectors)
    save_file(towers.state_dict(), folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))


def _sizes() -> dict[str, int]:
    return {
        "vocab_size": len(_SPECIAL) + len(_WORDS),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": POSITIONS,
    }


def _write_transformers(folder: Path, architecture: str) -> None:
    ends = {"pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}
    seen = {**_sizes(), "image_size": SIDE, "patch_size": 8}
    parts = {"text_config": {**_sizes(), **ends}, "vision_config": seen}
    if architecture == "clip":
        CLIPModel(CLIPConfig(**parts, projection_dim=24)).save_pretrained(folder)
    else:
        SiglipModel(SiglipConfig(**parts)).save_pretrained(folder)
    pixels = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.25]}
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))


def _tokenizer(*, begins: bool) -> Tokenizer:
    vocabulary = {word: at for at, word in enumerate((*_SPECIAL, *_WORDS))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>" if begins else "$A </s>",
        special_tokens=[("<s>", 2), ("</s>", 3)],
    )
    return made


def picture(drawing: random.Random, above: str, below: str) -> bytes:
    """Return a picture of one colour above and another below, each pixel a little off."""
    noise = np.random.default_rng(drawing.randrange(2**32)).integers(-20, 20, (SIDE, SIDE, 3))
    halves = np.array([_SHADES[above], _SHADES[below]]).repeat(SIDE // 2, axis=0)
    pixels = (halves[:, None] + noise).clip(0, 255).astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def write_pictures(
    folder: Path, shares: Mapping[DataPart, int], *, shuffled: bool = False, classed: bool = False
) -> Path:
    """Write a channel of two-coloured pictures with what is said of them; return its folder.

    Captions name both colours, and are those of other pictures where they are `shuffled`; classes
    are the colour above.
    """
    drawing = random.Random(7)
    rows = []
    for _ in range(sum(shares.values())):
        pair = (drawing.choice(COLOURS), drawing.choice(COLOURS))
        rows.append((picture(drawing, *pair), pair))
    said: Sequence[tuple[str, str]] = [pair for _, pair in rows]
    if shuffled:
        said = random.Random(8).sample(said, len(said))
    kind = "classed_images" if classed else "captioned_images"
    with ChannelWriter(folder, kind) as writer:  # type: ignore[arg-type]
        parts = [part for part, count in shares.items() for _ in range(count)]
        for part, (content, _), (above, below) in zip(parts, rows, said, strict=True):
            name = writer.add_file(content, ".png")
            if classed:
                writer.add(part, ClassedImage(file=name, label=above))
            else:
                writer.add(part, CaptionedImage(file=name, text=f"{above} over {below}"))
        writer.close(DataSource(source="made in a test", licence="CC0-1.0"))
    return folder
