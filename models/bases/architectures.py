"""Architectures of base models, as transformers calls them, by what a recipe can do with them.

Each is tried in the tests as a small network of its genuine class: saved, read as a base, loaded,
and trained for a step as a whole and by LoRA. What is not in the table is refused by name. Code
that a repository brings along is never run, so an architecture that needs it is none of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.bases.folder import type_of
from models.bases.pipelines import require_components
from models.failures import BadData
from models.training.recipe import BaseKind

PAIRED_TOWERS = "efficientnet_lite_bert"
"""The architecture of the shipped base of pictures and texts, which transformers does not know: see
models/networks/image_text_bases.py."""

ARCHITECTURES: Mapping[BaseKind, tuple[str, ...]] = {
    "decoder": ("llama", "qwen2", "qwen3"),
    "encoder": (
        "bert",
        "distilbert",
        "roberta",
        "xlm-roberta",
        "mpnet",
        "electra",
        "modernbert",
        "deberta-v2",
    ),
    "encoder_decoder": ("t5", "bart"),
    "image_text": ("clip", "siglip", PAIRED_TOWERS),
    "image_text_to_text": ("blip-2", "idefics"),
    "diffusion": ("StableDiffusionPipeline", "PixelDiffusionPipeline"),
}
_KINDS: Mapping[BaseKind, str] = {
    "decoder": "a model that continues text",
    "encoder": "a model that reads text",
    "encoder_decoder": "a model that reads a text and writes another",
    "image_text": "a model that puts pictures and texts in one space",
    "image_text_to_text": "a model that writes about a picture",
    "diffusion": "a model that draws",
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """The architecture of a base: its kind, and how transformers or diffusers calls it."""

    kind: BaseKind
    model_type: str


def architecture_of(
    config: Mapping[str, Any], name: str, wanted: BaseKind | None = None
) -> Architecture:
    """Return the architecture of a base by its config.json, or its model_index.json.

    Raises:
        BadData: it is none of the table, or not of the kind `wanted`; the message has the list. Or
            its weights are quantised, or a model of a pipeline is of another class.
    """
    model_type = type_of(config)
    kinds = [kind for kind, types in ARCHITECTURES.items() if model_type in types]
    if not kinds:
        offered = "; ".join(
            f"{kind}: {', '.join(types)}"
            for kind, types in ARCHITECTURES.items()
            if wanted in (None, kind)
        )
        own = " It brings code of its own, which is not run." if "auto_map" in config else ""
        raise BadData(
            f"{name} is of the architecture {model_type or 'unknown'!r}, which is not offered."
            f"{own} There are {offered}."
        )
    if "quantization_config" in config:
        raise BadData(
            f"{name} has quantised weights, which nothing here tunes; name the repository of the "
            "whole ones, in 16 or 32 bits."
        )
    if "diffusion" in kinds:
        require_components(config, name)
    if wanted is not None and wanted not in kinds:
        raise BadData(
            f"{name} is {_KINDS[kinds[0]]} ({model_type}), and the recipe needs {_KINDS[wanted]}: "
            f"{', '.join(ARCHITECTURES[wanted])}."
        )
    return Architecture(wanted or kinds[0], model_type)
