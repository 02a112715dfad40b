"""Entries of the catalogue for versions that are served under names of an operator's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.contracts.model_manifest import TEMPLATE_FILE, Signature
from chalicelib.generation.added_models import Entry
from chalicelib.generation.models import ServedModels
from models.training import recipe

_MEMORY_MB = 1769
_TEXTS = 64
"""Texts of a call that is embedded."""
_MAX_IMAGES = 8
"""Images of a call, as the image models of models/served.json have them."""


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """How the catalogue describes models that a function answers by.

    `tokens_per_second` and `images_per_second` are below what was measured, so that no estimate is
    too low, and `call_seconds` is what a first call takes with a model of a few hundred megabytes.
    """

    task: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tokens_per_second: int
    call_seconds: int
    abilities: tuple[str, ...] = ()
    images_per_second: int = 0
    refuses: tuple[str, ...] = ()


FUNCTIONS: Mapping[str, FunctionFacts] = {
    "answer_image": FunctionFacts(
        "chat", ("text", "image"), ("text",), 5, 15, refuses=("temperature", "top_p", "seed")
    ),
    "complete_text": FunctionFacts("chat", ("text",), ("text",), 20, 15, ("streams",)),
    "embed_image": FunctionFacts(
        "embedding", ("text", "image"), ("embedding",), 300, 10, images_per_second=5
    ),
    "embed_text": FunctionFacts("embedding", ("text",), ("embedding",), 1000, 8),
    "label_text": FunctionFacts("classification", ("text",), ("labels",), 1000, 8),
    "generate_image": FunctionFacts("image", ("text",), ("image",), 0, 10, ("walks",), 20),
}
"""The functions whose models an operator can name."""
_TAGGING = FunctionFacts("tagging", ("text",), ("spans",), 1000, 8)
_TAGGER = "tagger"
"""The graph of a model of `label_text` that tells spans, and not the class of a whole text."""

_IMAGE_TOWER = "image_tower"
"""The graph of a model that embeds pictures as well as texts."""
_VISION = "vision"
"""The graph of a model that answers about one picture."""
_EMBEDDED_IMAGES = 64
"""The most pictures that a call embeds."""


def trained_entry(name: str, label: str, signature: Signature, *, base_only: bool) -> Entry:
    """Return the entry of the catalogue for a version that is served as `name`.

    Args:
        name: the model.
        label: the version, as GROUP/NUMBER.
        signature: its manifest.
        base_only: whether its base answers.

    Raises:
        ValueError: no function answers by versions of its recipe under other names.
        BadRecipe: there is no such recipe.
    """
    found = recipe.load(signature.origin.recipe)
    tags = found.served_by == "label_text" and _TAGGER in signature.graphs
    facts = _TAGGING if tags else FUNCTIONS.get(found.served_by)
    if facts is None:
        raise ValueError(
            f"Versions of {found.name} are served under the names of models/served.json alone."
        )
    base = str(signature.constants.get("base", ""))
    title = f"{base}, tuned by {found.name}" if base else found.name
    backend: dict[str, Any] = {
        "kind": "function",
        "function": found.served_by,
        "memory_mb": _MEMORY_MB,
        "tokens_per_second": facts.tokens_per_second,
        "images_per_second": _images_per_second(facts, signature),
        "call_seconds": facts.call_seconds,
        "recipes": [found.name],
        "chat": TEMPLATE_FILE in signature.files,
    }
    return {
        "name": name,
        "title": base if base_only else title,
        "provider": "Headrace",
        "task": facts.task,
        "tier": 1,
        "licence": signature.licence,
        "backend": backend,
        "limits": _limits(facts.task, signature),
        "inputs": list(facts.inputs),
        "outputs": list(facts.outputs),
        "abilities": list(facts.abilities),
        "refuses": list(facts.refuses),
        "lifecycle": {"status": "active"},
        "only": "what it was trained for on this stage",
        "notes": f"Served from {label} by an operator.",
    }


@dataclass(frozen=True, slots=True)
class NameStanding:
    """How an operator's own name stands among the stage's models.

    `fallbacks` are tried in its place where it fails or a check refuses its answer, in their order.
    None leaves what it has, or tier 1 and no fallback.
    """

    tier: int | None = None
    fallbacks: tuple[str, ...] | None = None


def standing_entry(
    name: str,
    entry: Entry | None,
    before: Entry | None,
    given: NameStanding | None,
    models: ServedModels,
) -> Entry:
    """Return an entry with the tier and the fallbacks that are given, or else those it had.

    Raises:
        ValueError: it is no own name, or a fallback is no other model of its task.
    """
    if entry is None:
        raise ValueError(
            f"{name} is a model of the catalogue, which has its tier and fallbacks; serve the"
            " version under a name of your own."
        )
    old, standing = before or {}, given or NameStanding()
    tier = old.get("tier", entry["tier"]) if standing.tier is None else standing.tier
    fallbacks = standing.fallbacks
    listed = old.get("fallbacks", []) if fallbacks is None else list(fallbacks)
    for each in listed:
        found = models.models.get(each)
        if found is None or found.task != entry["task"] or each == name:
            raise ValueError(
                f"{each!r} cannot answer where {name} fails: name another model of the task"
                f" {entry['task']} (headrace models ls --served)."
            )
    return {**entry, "tier": tier, "fallbacks": listed}


def _images_per_second(facts: FunctionFacts, signature: Signature) -> int:
    """Return the images of a second; of a model that draws latents one at most."""
    if "latent_side" in signature.constants:
        return min(1, facts.images_per_second)
    return facts.images_per_second


def _limits(task: str, signature: Signature) -> dict[str, int | list[int]]:
    """Return the limits of a model that draws, that embeds, or that writes: in one context, or
    apart for what it reads.
    """
    if task == "image":
        return {"images": _MAX_IMAGES}
    if _IMAGE_TOWER in signature.graphs:
        return {"texts": _TEXTS, "images": _EMBEDDED_IMAGES}
    if _VISION in signature.graphs:
        return {"images": 1}
    constants = signature.constants
    context, dimensions = constants.get("context"), constants.get("dimensions")
    if not isinstance(context, int):
        return {}
    if task == "embedding" and isinstance(dimensions, int):
        return {"context_tokens": context, "texts": _TEXTS, "dimensions": [dimensions]}
    if task != "chat":
        return {}
    target = constants.get("target_tokens")
    written = target if isinstance(target, int) else context
    return {"context_tokens": context, "output_tokens": written, "passage_tokens": context // 2}
