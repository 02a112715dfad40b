"""Whether a training fits its instance: memory and time, estimated before anything is started.

    sizes = BaseSizes.of(config, weight_bytes)
    memory_of(sizes, FitSettings.of(settings))     # bytes, by what needs them

The memory of a process that trains is that of weights, gradients and Adam's two moments, and of
what the forward pass keeps for the backward one. The last is counted tensor by tensor for a block
of a transformer; `benchmarks/training_memory.py` holds all of it to what processes here needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from models.failures import BadRecipe
from models.training.instances import Instance, instances
from models.training.recipe import BaseKind
from models.training.settings import RecipeSettings

GIB = 1 << 30
_FP32 = 4
_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8}
RUNTIME_BYTES = 600_000_000
"""What Python, torch and transformers take themselves."""
USABLE = 0.9
"""The share of an instance's memory that is left for a training."""
_HEADS_OF_LOGITS = 3
"""Copies of the logits that a loss keeps: themselves, their log-softmax, and the gradient."""
_MIXED = 0.6
"""Activations in mixed precision, by those in fp32: norms, softmax and losses stay in fp32."""
_FULL_WAYS = ("full", "gradual")
_NF4_BITS = 4.13
"""Bits of a weight of a frozen layer in NF4, with its quantised scales."""
_LAYERS_AT_ONCE = 2
"""Layers that are gathered by processes that share a network: one computes, one comes."""
_LEARNS_NOTHING_INSIDE = ("head", "prompt_tuning", "prefix_tuning")
FLOPS_A_THREAD = 50e9
"""Multiplications and additions in fp32 that a thread of this project's machine does a second in a
step of training; an instance's may do more."""


@dataclass(frozen=True, slots=True)
class BaseSizes:
    """The sizes of a base that memory and time depend on."""

    parameters: int
    layers: int
    width: int
    inner: int
    heads: int
    keys: int
    """The width of the keys, and of the values."""
    vocabulary: int
    writes: bool
    """Whether it has logits of its vocabulary, as what writes has."""

    @classmethod
    def of(cls, config: Mapping[str, Any], weight_bytes: int, kind: BaseKind) -> BaseSizes:
        """Read them from a config.json and the size of the weights.

        Raises:
            BadRecipe: the config lacks one.
        """
        dtype = str(config.get("dtype") or config.get("torch_dtype") or "float32")
        try:
            width = _first(config, "hidden_size", "dim", "d_model")
            heads = _first(
                config, "num_attention_heads", "n_heads", "num_heads", "encoder_attention_heads"
            )
            layers = _first(config, "num_hidden_layers", "n_layers", "num_layers", "encoder_layers")
            if kind == "encoder_decoder":  # a layer that writes also attends to what was read
                layers += _first(config, "num_decoder_layers", "decoder_layers", "num_layers")
            of_keys = int(config.get("num_key_value_heads") or heads)
            return cls(
                parameters=weight_bytes // _BYTES.get(dtype, _FP32),
                layers=layers,
                width=width,
                inner=_first(config, "intermediate_size", "hidden_dim", "d_ff", "encoder_ffn_dim"),
                heads=heads,
                keys=of_keys * int(config.get("head_dim") or width // heads),
                vocabulary=int(config["vocab_size"]),
                writes=kind in ("decoder", "encoder_decoder"),
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise BadRecipe(f"fit: config.json of the base lacks a size: {error!r}") from error

    @property
    def matrices(self) -> int:
        """Return the weights of the matrices of a layer."""
        of_inner = 3 if self.writes else 2
        attention = 2 * self.width * self.width + 2 * self.width * self.keys
        return attention + of_inner * self.width * self.inner

    @property
    def widths(self) -> int:
        """Return the sum of inputs and outputs of a layer's matrices: LoRA's weights by rank."""
        of_inner = 3 if self.writes else 2
        ends = 4 * self.width + 2 * (self.width + self.keys)
        return ends + of_inner * (self.width + self.inner)


@dataclass(frozen=True, slots=True)
class FitSettings:
    """The settings of a training that memory and time depend on."""

    batch: int
    tokens: int
    """Of a row, at most."""
    way: str = "full"
    rank: int = 0
    mixed: bool = False
    checkpointing: bool = False
    accumulate: int = 1
    steps: int = 1
    threads: int = 1
    sharded: bool = False
    embeddings: bool = False
    """Whether the tokens' vectors learn beside LoRA."""
    logits_at_once: int = 0
    """Tokens whose logits are in memory at once, of a tuned decoder; 0 for all of a batch."""
    answers: int = 1
    """Rows of an example: a pair of answers is two."""
    drawn: int = 0
    """Tokens that are drawn after each row, of a training on a model's own answers."""
    samples: int = 1
    """Answers that are drawn after the same row, which is in memory once; `batch` has them all."""

    @classmethod
    def of(cls, settings: RecipeSettings) -> FitSettings | None:
        """Read them from a recipe's; None for a recipe that tunes no base."""
        tokens = getattr(settings, "max_tokens", None)
        if tokens is None:
            return None
        return cls(
            batch=settings.batch,
            tokens=int(tokens),
            way=str(getattr(settings, "way", "full")),
            rank=int(getattr(settings, "rank", 0)),
            mixed=settings.precision == "bf16",
            checkpointing=bool(getattr(settings, "checkpointing", False)),
            accumulate=int(getattr(settings, "accumulate", 1)),
            steps=settings.steps,
            threads=settings.threads,
            sharded=settings.sharded,
            embeddings=bool(getattr(settings, "embeddings", False)),
            logits_at_once=int(getattr(settings, "logits_at_once", 0)),
            answers=int(getattr(settings, "answers_of_row", 1)),
            drawn=int(getattr(settings, "answer_tokens", 0)),
            samples=int(getattr(settings, "samples", 1)),
        )

    @property
    def tunes_decoder(self) -> bool:
        """Return whether it tunes a decoder, which can be shared, and held in 4 bits."""
        return self.logits_at_once > 0

    @property
    def tokens_of_row(self) -> int:
        """Return the tokens of a row of the batch, with its share of a prompt of several."""
        return math.ceil(self.tokens / self.samples) + self.drawn

    @property
    def examples(self) -> int:
        """Return the examples that are in memory at once."""
        return math.ceil(self.batch / self.accumulate)


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What a process that trains needs at its peak, in bytes, by what needs it."""

    weights: int
    gradients: int
    moments: int
    activations: int
    logits: int
    runtime: int = RUNTIME_BYTES
    gathered: int = 0
    """What processes that share a network hold of it for the while that it computes."""

    @property
    def total(self) -> int:
        """Return the sum."""
        return sum(getattr(self, each.name) for each in fields(self))

    def __str__(self) -> str:
        """Return it in words, the largest first."""
        parts = {each.name: getattr(self, each.name) for each in fields(self)}
        said = sorted(parts.items(), key=lambda part: -part[1])
        return ", ".join(f"{name} {size / GIB:.1f}" for name, size in said if size > GIB / 20)


def learned_weights(sizes: BaseSizes, asked: FitSettings) -> int:
    """Return how many weights learn."""
    if asked.way in _FULL_WAYS:
        return sizes.parameters
    if asked.way in _LEARNS_NOTHING_INSIDE:
        return 0
    table = sizes.vocabulary * sizes.width if asked.embeddings else 0
    return asked.rank * sizes.widths * sizes.layers + table


def memory_of(sizes: BaseSizes, asked: FitSettings, processes: int = 1) -> MemoryEstimate:
    """Return the memory of each of `processes` processes that share a batch.

    If they share the network, too, each holds its part of weights, gradients and moments, and at
    most two layers, and what is outside of layers, as a whole, with the gradients of these.
    """
    learned = learned_weights(sizes, asked)
    rows = math.ceil(asked.examples / processes) * asked.answers
    tokens = rows * asked.tokens_of_row
    of_layer = _kept_of_layer(sizes, asked)
    layers = sizes.layers
    kept = (
        tokens * (layers * sizes.width + of_layer)
        if asked.checkpointing
        else (tokens * layers * of_layer)
    )
    if asked.way == "head":
        kept = tokens * of_layer
    at_once = min(tokens, asked.logits_at_once or tokens)
    logits = at_once * sizes.vocabulary * _HEADS_OF_LOGITS if sizes.writes else 0
    share = _MIXED if asked.mixed else 1.0
    # In mixed precision torch keeps a copy in 16 bits of the weights that it multiplies by.
    copies = sizes.parameters * 2 if asked.mixed else 0
    parts, gathered = 1, 0
    if asked.sharded and processes > 1:
        parts = processes
        outside = max(0, sizes.parameters - sizes.layers * sizes.matrices)
        gathered = (_LAYERS_AT_ONCE * sizes.matrices + outside) * _FP32
        gathered *= 2 if asked.way in _FULL_WAYS else 1
        copies = gathered // 2 if asked.mixed else 0
    weights = sizes.parameters * _FP32 // parts
    if asked.way == "qlora":
        frozen = sizes.layers * sizes.matrices
        outside = sizes.parameters - frozen
        # One matrix at a time is as it was.
        weights = round(frozen * _NF4_BITS / 8) + (outside + sizes.width * sizes.inner) * _FP32
        copies = outside * 2 if asked.mixed else 0
    return MemoryEstimate(
        weights=weights + copies,
        gradients=learned * _FP32 // parts,
        moments=learned * _FP32 * 2 // parts,
        activations=round(kept * _FP32 * share),
        logits=logits * _FP32,
        gathered=gathered,
    )


def _kept_of_layer(sizes: BaseSizes, asked: FitSettings) -> int:
    """Return the numbers of a token that a layer keeps for the backward pass.

    By attention: what is normalised, and the norm, queries, keys and values, what is attended, and
    the sum. By the other half: what is normalised, the norm, and the inner values: gate, its
    activation, the other, and their product; or before and after the activation. A base that reads
    has dropout, for which its attention keeps every pair of tokens, and copies of what its matrices
    and LoRA's give.
    """
    whole = asked.way in _FULL_WAYS
    if sizes.writes:
        return (10 if whole else 8) * sizes.width + 2 * sizes.keys + 4 * sizes.inner
    pairs = 3 * sizes.heads * asked.tokens
    return (11 if whole else 16) * sizes.width + 2 * sizes.inner + pairs


def seconds_on_cpu(sizes: BaseSizes, asked: FitSettings) -> float:
    """Return the seconds that the steps of a training take on threads like this machine's.

    A token costs two operations a weight forwards, two backwards through what is frozen, and two
    more for the gradients of what learns.
    """
    head = sizes.width * sizes.vocabulary if sizes.writes else 0
    multiplied = sizes.layers * sizes.matrices + head
    passes = 6 if asked.way in _FULL_WAYS else 2 if asked.way == "head" else 4
    passes += 2 if asked.checkpointing else 0
    # What is drawn is read by the model as it draws, and by its base.
    passes += 4 if asked.drawn else 0
    tokens = asked.steps * asked.batch * asked.answers * asked.tokens_of_row
    pairs = 2 * sizes.layers * sizes.width * asked.tokens
    return tokens * passes * (multiplied + pairs) / (FLOPS_A_THREAD * asked.threads)


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a training fits an instance; `batch` is the largest that does, 0 if none."""

    instance: str
    memory: MemoryEstimate
    usable: int
    batch: int

    @property
    def fits(self) -> bool:
        """Return whether it does."""
        return self.memory.total <= self.usable


def fit_on(name: str, sizes: BaseSizes, asked: FitSettings) -> Fit | None:
    """Return how a training fits an instance; None for one whose memory is not known."""
    found = instances().get(name)
    if found is None:
        return None
    if asked.way == "qlora" and not found.accelerators:
        asked = replace(asked, way="lora")  # the memory has the whole base before its 4 bits
    usable = round(found.gib_a_process * GIB * USABLE)
    memory = memory_of(sizes, asked, found.processes)
    return Fit(name, memory, usable, _largest_batch(found, sizes, asked, usable))


def _largest_batch(found: Instance, sizes: BaseSizes, asked: FitSettings, usable: int) -> int:
    """Return the most rows of a step, a power of two times the processes, that fit; 0 for none."""
    best, rows = 0, found.processes
    while rows <= max(asked.examples, found.processes):
        one = replace(asked, batch=rows, accumulate=1)
        if memory_of(sizes, one, found.processes).total > usable:
            break
        best, rows = rows, rows * 2
    return best


def smallest_fitting(device: str, sizes: BaseSizes, asked: FitSettings) -> Fit | None:
    """Return the fit of the cheapest instance of a device that a training fits, or None."""
    by_price = sorted(
        (each.ec2_usd_an_hour or math.inf, name)
        for name, each in instances().items()
        if each.device == device
    )
    for _, name in by_price:
        found = fit_on(name, sizes, asked)
        if found is not None and found.fits:
            return found
    return None


def require_fit(name: str, sizes: BaseSizes, asked: FitSettings) -> None:
    """Raise BadRecipe if a training does not fit an instance, with the numbers and what helps."""
    found = fit_on(name, sizes, asked)
    if found is None or found.fits:
        return
    each = instances()[name]
    where = "each accelerator" if each.accelerators else "the instance"
    raise BadRecipe(
        f"fit: {asked.way}, batch {asked.batch}, {asked.tokens} tokens needs some "
        f"{found.memory.total / GIB:.1f} GiB on {name}, where {where} has {each.gib_a_process} "
        f"({found.memory}, in GiB). {_advice(found, each.device, sizes, asked)}"
    )


def _advice(found: Fit, device: str, sizes: BaseSizes, asked: FitSettings) -> str:
    ways = []
    if found.batch:
        ways.append(f"--set batch={found.batch}")
    if asked.way in _FULL_WAYS:
        lora = fit_on(found.instance, sizes, replace(asked, way="lora", rank=asked.rank or 16))
        if lora is not None and lora.fits:
            ways.append("--set way=lora")
    elif asked.way == "lora" and asked.tunes_decoder and device == "cuda":
        smaller = fit_on(found.instance, sizes, replace(asked, way="qlora"))
        if smaller is not None and smaller.fits:
            ways.append("--set way=qlora")
    shareable = asked.tunes_decoder and asked.way in (*_FULL_WAYS, "lora") and device == "cuda"
    if shareable and not asked.sharded and instances()[found.instance].processes > 1:
        fit = fit_on(found.instance, sizes, replace(asked, sharded=True))
        if fit is not None and fit.fits:
            ways.append("--set sharded=true")
    larger = smallest_fitting(device, sizes, asked)
    if larger is not None:
        ways.append(f"the instance {larger.instance} (in the recipe's targets)")
    if not ways:
        return "No instance that is known holds it: take a smaller base, or shorter rows."
    return f"What would fit: {', or '.join(ways)}."


def _first(config: Mapping[str, Any], *names: str) -> int:
    """Return the first of these numbers that a config has. Raises KeyError."""
    for name in names:
        if config.get(name) is not None:
            return int(config[name])
    raise KeyError(names[0])
