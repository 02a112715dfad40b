"""Pipelines of diffusers as base models: which models they are made of, and which are offered.

    model_index.json       the pipeline and the class of each of its models
    unet/                  what predicts noise or velocity
    text_encoder/          what reads a prompt
    tokenizer/             CLIP's, or vocabulary.json, the words of a small model
    scheduler/             the noise of each step, and what the network predicts
    vae/                   between pictures and what the network sees, unless that is pixels

Only the classes below are read, by the code of diffusers and transformers alone, and only weights
as safetensors.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

from models.failures import BadData

PIXELS = "PixelDiffusionPipeline"
"""A pipeline without a VAE whose prompts are of few known words, as the recipe diffusion trains."""
CLASSES: Mapping[str, tuple[str, ...]] = {
    "unet": ("UNet2DConditionModel",),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "scheduler": (
        "DDIMScheduler",
        "DDPMScheduler",
        "DPMSolverMultistepScheduler",
        "EulerAncestralDiscreteScheduler",
        "EulerDiscreteScheduler",
        "LMSDiscreteScheduler",
        "PNDMScheduler",
    ),
    "vae": ("AutoencoderKL",),
}
"""The classes of each model of a pipeline. Of a scheduler only the noise of its steps is taken."""
VOCABULARY = "PromptVocabulary"
UNUSED = frozenset(("safety_checker", "feature_extractor", "image_encoder"))
"""Models of a pipeline that take no part in training, and are not read."""
_SUFFIXES = (".json", ".txt", ".safetensors")
_WEIGHTS = ("model.safetensors", "diffusion_pytorch_model.safetensors")
_PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".msgpack", ".h5")


def require_components(index: Mapping[str, Any], name: str) -> None:
    """Raise BadData unless each model of a pipeline is one that is offered; it is named."""
    pixels = index.get("_class_name") == PIXELS
    wanted = {part: classes for part, classes in CLASSES.items() if not (pixels and part == "vae")}
    for part, classes in wanted.items():
        found = _class_of(index, part)
        allowed = (*classes, VOCABULARY) if pixels and part == "tokenizer" else classes
        if found not in allowed:
            raise BadData(
                f"{name}: model_index.json has {part} of the class {found or 'nothing'!r}, which "
                f"is not offered; there are {', '.join(allowed)}."
            )
    others = {part for part in index if part[0] != "_" and _class_of(index, part)}
    if unknown := sorted(others - set(wanted) - UNUSED):
        raise BadData(
            f"{name}: model_index.json has {unknown[0]}, a {_class_of(index, unknown[0])}, and "
            f"pipelines of {', '.join(wanted)} alone are offered."
        )


def _class_of(index: Mapping[str, Any], part: str) -> str:
    """Return the class of a model of a pipeline, or nothing if it has no such model."""
    pair = index.get(part)
    if isinstance(pair, list) and len(pair) == 2:
        return str(pair[1] or "")
    return ""


def pipeline_files(names: Collection[str], where: str) -> set[str]:
    """Return which files of a folder or a repository belong to a pipeline that is a base.

    Raises:
        BadData: a model has no weights as safetensors, or they lie in several files.
    """
    found = {name for name in names if _belongs(name)}
    for part in ("unet", "text_encoder", "vae"):
        inside = {name for name in names if name.startswith(f"{part}/")}
        if (part == "vae" and not inside) or any(
            f"{part}/{weights}" in inside for weights in _WEIGHTS
        ):
            continue
        pickles = sorted(name for name in inside if name.endswith(_PICKLES))
        has = (
            f" It has {pickles[0]}, a pickle, which can run code and is not read."
            if pickles
            else ""
        )
        raise BadData(
            f"{where}: {part} has no weights as one file of safetensors, {part}/{_WEIGHTS[0]} or "
            f"{part}/{_WEIGHTS[1]}.{has} Convert it by diffusers' save_pretrained."
        )
    return found


def _belongs(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if len(parts) == 1:
        return name == "model_index.json"
    inside = len(parts) == 2 and parts[0] in CLASSES
    if name.endswith(".safetensors"):
        return inside and parts[1] in _WEIGHTS
    return inside and name.endswith(_SUFFIXES)
