"""Settings of the shared networks, which recipes' parameters extend. No torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.training.settings import RecipeSettings


class DecoderSettings(RecipeSettings):
    """Settings of a Llama: H. Touvron et al., https://arxiv.org/abs/2302.13971."""

    vocabulary: Annotated[int, Field(ge=8, le=262_144)]
    """Tokens that there are, special ones included."""
    width: Annotated[int, Field(ge=8, le=8192)]
    """Dimensions of a token's vector; a multiple of twice `heads`."""
    inner: Annotated[int, Field(ge=8, le=65_536)]
    """Width of the gated perceptron inside a layer."""
    layers: Annotated[int, Field(ge=1, le=128)]
    heads: Annotated[int, Field(ge=1, le=128)]
    context: Annotated[int, Field(ge=8, le=131_072)]
    """Tokens that the model sees at once, at most."""

    @model_validator(mode="after")
    def _turns_pairs(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width is {self.width} and has to be a multiple of twice heads ({self.heads}), "
                "as positions turn pairs of a head's dimensions"
            )
        return self


TuningWay = Literal["full", "gradual", "lora", "qlora", "prompt_tuning", "prefix_tuning"]
LORA_WAYS = ("lora", "qlora")
PREFIX_WAYS = ("prompt_tuning", "prefix_tuning")
"""The ways whose vectors stand before every prompt and take of its context."""


class TuningSettings(RecipeSettings):
    """Settings of how a base decoder is tuned."""

    way: TuningWay = "lora"
    """`full` trains every weight, `gradual` too but the last layers first; `lora` trains two narrow
    matrices beside each matrix of the layers, and `qlora` holds those in 4 bits meanwhile;
    `prompt_tuning` trains vectors that stand before every prompt, and `prefix_tuning` keys and
    values that do."""
    rank: Annotated[int, Field(ge=1, le=256)] = 16
    """Of LoRA's two matrices."""
    scale: Annotated[float, Field(gt=0, le=1024)] = 32.0
    """The scale of LoRA's product, times `rank` (its alpha)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of LoRA's inputs that is left out of each step."""
    embeddings: bool = False
    """Whether the tokens' vectors learn beside LoRA, as for words that the base does not know. They
    are a large part of a small base, which is then served by a graph of its own."""
    prefix: Annotated[int, Field(ge=1, le=512)] = 16
    """Vectors of prompt and prefix tuning; they take as much of the context."""
    max_tokens: Annotated[int, Field(ge=8, le=131_072)] = 512
    """The most tokens of a row; a longer one is an error."""
    context: Annotated[int, Field(ge=16, le=131_072)] = 2048
    """The most tokens that the model is served with, prompt and answer together."""
    weight_bits: Literal[8, 32] = 8
    """Bits of the base's weights in the graph that serves; LoRA's matrices stay fp32."""
    logits_at_once: Annotated[int, Field(ge=1, le=1_048_576)] = 1024
    """Tokens whose logits are in memory at once; those of more are computed again in the backward
    pass."""

    @model_validator(mode="after")
    def _learns_embeddings_beside_lora(self) -> Self:
        if self.embeddings and self.way not in LORA_WAYS:
            raise ValueError(
                f"embeddings is for the way lora, and the way is {self.way}, which says itself what"
                " learns; leave it out"
            )
        if self.sharded and self.way in ("qlora", *PREFIX_WAYS):
            raise ValueError(
                f"sharded is for the ways full, gradual and lora, and the way is {self.way}: layers"
                " in 4 bits, prompts and prefixes are not shared"
            )
        return self


SequenceWay = Literal["full", "gradual", "lora"]


class SequenceSettings(RecipeSettings):
    """Settings of how a base that reads one text and writes another is tuned."""

    way: SequenceWay = "full"
    """`full` trains every weight, `gradual` too but the last layers first, `lora` what is put into
    each layer."""
    rank: Annotated[int, Field(ge=1, le=256)] = 16
    """Of LoRA's two matrices."""
    scale: Annotated[float, Field(gt=0, le=1024)] = 32.0
    """The scale of LoRA's product, times `rank` (its alpha)."""
    max_tokens: Annotated[int, Field(ge=8, le=16_384)] = 256
    """The most tokens of a text that is read, special ones included; a longer one is an error."""
    max_target_tokens: Annotated[int, Field(ge=8, le=16_384)] = 256
    """The most tokens of a text that is written, likewise."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of a target's probability that the loss spreads over the vocabulary:
    C. Szegedy et al., https://arxiv.org/abs/1512.00567, section 7."""
    weight_bits: Literal[8, 32] = 8
    """Bits of the weights in the graphs that serve."""


Template = Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$", max_length=200)]


STRIDE = 8
"""Pixels along a side that become one token of a picture."""


class TowerSettings(RecipeSettings):
    """Settings of an image tower and a text tower with one vector space."""

    side: Annotated[int, Field(ge=STRIDE, le=256, multiple_of=STRIDE)]
    """Height and width of a picture, pixels."""
    channels: Annotated[int, Field(ge=1, le=3)] = 3
    image_width: Annotated[int, Field(ge=16, le=1024, multiple_of=8)]
    """Width of the layers for pictures."""
    image_layers: Annotated[int, Field(ge=1, le=24)]
    text_width: Annotated[int, Field(ge=16, le=1024, multiple_of=8)]
    text_layers: Annotated[int, Field(ge=1, le=24)]
    heads: Annotated[int, Field(ge=1, le=16)]
    """Heads of attention in both towers."""
    vector: Annotated[int, Field(ge=8, le=1024)]
    """Dimensions of the space that both towers lead to."""
    vocabulary: Annotated[int, Field(ge=8, le=65_536)]
    """The most tokens that texts are made of, the four special ones among them."""
    prompt_tokens: Annotated[int, Field(ge=4, le=256)]
    """Tokens of a text, with those of its beginning and end; what is longer is cut."""
    first_temperature: Annotated[float, Field(ge=0.01, le=1)] = 0.07
    """The initial temperature of similarities; it is learned (Radford et al., 2.5)."""

    shift: Annotated[int, Field(ge=0, le=16)] = 0
    """Pixels by which a batch's pictures are moved at most, in training."""
    grey: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of pictures that are shown without their colours, in training."""
    templates: Annotated[tuple[Template, ...], Field(min_length=1, max_length=64)]
    """Prompts of a class, with `{}` in the place of its name; their vectors are averaged."""

    @model_validator(mode="after")
    def _divides(self) -> Self:
        for name in ("image_width", "text_width"):
            width = getattr(self, name)
            if width % self.heads:
                raise ValueError(
                    f"{name} is {width} and has to be a multiple of heads, {self.heads}"
                )
        return self


class VisionSettings(RecipeSettings):
    """Settings of a vision transformer, https://arxiv.org/abs/2010.11929.

    A. Dosovitskiy et al., 2021.
    """

    side: Annotated[int, Field(ge=STRIDE, le=256, multiple_of=STRIDE)]
    """Height and width of a picture, pixels."""
    image_width: Annotated[int, Field(ge=16, le=1024, multiple_of=8)]
    """Dimensions of a picture's tokens; a multiple of `image_heads`."""
    image_layers: Annotated[int, Field(ge=1, le=24)]
    image_heads: Annotated[int, Field(ge=1, le=16)]

    @model_validator(mode="after")
    def _divides_image_width(self) -> Self:
        if self.image_width % self.image_heads:
            raise ValueError(
                f"image_width is {self.image_width} and has to be a multiple of image_heads, "
                f"{self.image_heads}"
            )
        return self

    @property
    def image_tokens(self) -> int:
        """Return how many vectors a picture becomes: one a patch, and one for the whole."""
        patches = self.side // STRIDE
        return patches * patches + 1


DENOISER_GROUPS = 8


class DenoiserSettings(RecipeSettings):
    """Settings of a denoiser: its network, the noise, and the default sampling."""

    side: Annotated[int, Field(ge=4, le=128, multiple_of=2)]
    """Height and width of a picture, pixels."""
    channels: Annotated[int, Field(ge=1, le=3)]
    words: Annotated[int, Field(ge=1, le=100_000)]
    """Words of the vocabulary."""
    prompt_tokens: Annotated[int, Field(ge=1, le=77)]
    """The most words of a prompt."""
    width: Annotated[int, Field(ge=DENOISER_GROUPS, le=1024, multiple_of=DENOISER_GROUPS)]
    """Channels at the full resolution; twice as many at half of it."""
    text_width: Annotated[int, Field(ge=8, le=1024, multiple_of=4)]
    """Width of what a word is read as."""
    noise_steps: Annotated[int, Field(ge=2, le=4000)]
    """Steps of the chain that makes a picture noise."""
    average: Annotated[float, Field(ge=0, lt=1)]
    """How much of the moving average of the weights each step leaves."""
    guidance: Annotated[float, Field(ge=0, le=20)]
    """How pictures are drawn unless asked otherwise: 1 is the prompt's prediction alone."""
    sampling_steps: Annotated[int, Field(ge=1, le=4000)]
    """Calls of the network a picture, unless asked otherwise."""

    @model_validator(mode="after")
    def _samples_within_the_chain(self) -> Self:
        if self.sampling_steps > self.noise_steps:
            raise ValueError("sampling_steps may be noise_steps at most")
        return self


EncoderWay = Literal["full", "gradual", "lora", "head"]
Pooling = Literal["mean", "first"]


class EncoderSettings(RecipeSettings):
    """Settings of an encoder that is tuned from a base model, whose sizes the base has."""

    way: EncoderWay
    """`full` trains every weight, `gradual` too but the last layers first, `lora` what is put into
    each layer, and `head` only what is put on top."""
    rank: Annotated[int, Field(ge=1, le=256)] = 8
    """Of LoRA's two matrices."""
    scale: Annotated[float, Field(gt=0, le=1024)] = 16.0
    """The scale of LoRA's product, times `rank` (its alpha)."""
    max_tokens: Annotated[int, Field(ge=8, le=8192)]
    """Tokens of a text, special ones included; what is longer is cut."""
    pooling: Pooling = "mean"
    """How the vectors of a text's tokens become one: their mean, or that of the first token."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of dimensions that the head leaves out in a step; the base's own dropout, which its
    config.json sets, is beside that."""


DiffusionWay = Literal["full", "lora"]
CaptionTemplate = Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$", max_length=1000)]


class DiffusionTuningSettings(RecipeSettings):
    """Settings of how a diffusion base is tuned, whose sizes and noise the base has."""

    way: DiffusionWay = "lora"
    """`full` trains every weight, `lora` two narrow matrices beside each that it adapts."""
    rank: Annotated[int, Field(ge=1, le=256)] = 8
    """Of LoRA's two matrices."""
    scale: Annotated[float, Field(gt=0, le=1024)] = 8.0
    """The scale of LoRA's product, times `rank` (its alpha)."""
    adapted: Literal["attention", "all"] = "attention"
    """Which layers of the network LoRA adapts: the projections of attention, or its perceptrons and
    convolutions too."""
    text_encoder: bool = True
    """Whether what reads the prompt learns as well."""
    caption: CaptionTemplate = "{}"
    """What a picture's caption is, with its text in the place of `{}`: for texts that are names of
    classes, say, or do not name the style."""
    new_words: Annotated[int, Field(ge=0, le=10_000)] = 64
    """The most words of captions that the base does not know, where its prompts are of words: each
    gets a vector that is learned."""
    drop_caption: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of pictures without a caption, so that guidance has what to compare with."""
    prior_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    """The weight of the loss on pictures that the base drew: it keeps what the base can."""
    prior_prompt: Annotated[str, Field(max_length=1000)] = ""
    """What the base draws those of; empty for each caption without the words that are new."""
    guidance: Annotated[float, Field(ge=0, le=20)] | None = None
    """How pictures are drawn unless asked otherwise; None for as the base draws."""
    sampling_steps: Annotated[int, Field(ge=1, le=4000)] | None = None
    """Calls of the network a picture, unless asked otherwise; None for as many as the base's."""


ImageTextWay = Literal["full", "lora", "locked_image", "head"]


class ImageTextSettings(RecipeSettings):
    """Settings of two towers, of pictures and of texts, that are tuned from a base model."""

    way: ImageTextWay
    """`full` trains every weight, `lora` what is put into each layer, and the heads; with
    `locked_image` the tower of pictures stays as it is, and looks at each picture once, and with
    `head` both towers do."""
    rank: Annotated[int, Field(ge=1, le=256)] = 8
    """Of LoRA's two matrices."""
    scale: Annotated[float, Field(gt=0, le=1024)] = 16.0
    """The scale of LoRA's product, times `rank` (its alpha)."""
    side: Annotated[int, Field(ge=16, le=512)] | None = None
    """Height and width of a picture, pixels, for the shipped base, which sees any; others keep
    their own."""
    text_tokens: Annotated[int, Field(ge=4, le=512)] = 32
    """The most tokens of a text, special ones included; what is longer is cut in training and
    refused by a server."""
    templates: Annotated[tuple[Template, ...], Field(min_length=1, max_length=64)] = (
        "a photo of a {}",
    )
    """Prompts of a class, with `{}` in the place of its name. The first one is the caption of a
    picture that has a class; where classes are told, the vectors of all are averaged."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of features that the heads leave out in a step."""
    shift: Annotated[int, Field(ge=0, le=64)] = 0
    """Pixels by which a batch's pictures are moved at most, where their tower learns."""
    grey: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of pictures that are shown without their colours, where their tower learns."""
