"""The bodies of `POST /v1/generations`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    Base64Bytes,
    Field,
    JsonValue,
    WithJsonSchema,
    model_validator,
)

from chalicelib.contracts.base import HttpInput
from chalicelib.contracts.generations import (
    LEAST_LABELS,
    MAX_ANSWERS,
    MAX_GUIDANCE,
    MAX_IMAGES,
    MAX_LABELS,
    MAX_PICTURES,
    MAX_STEPS,
    MAX_STOPS,
    MAX_TEMPLATES,
    ImagePart,
    ImageType,
    Label,
    ServiceTier,
    Template,
)
from chalicelib.contracts.names import EndUser
from chalicelib.contracts.receipts import Dollars

MAX_PROMPT_CHARACTERS = 1_000_000
MAX_TURNS = 200
MAX_DOCUMENTS = 64
MAX_DOCUMENT_CHARACTERS = 8_000
"""The size limit of one support check."""
MAX_TEXTS = 256
"""Texts whose vectors fit into an answer of Lambda, 6 MB, by a model of 1,024 dimensions."""
Text = Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS)]


class GivenPicture(HttpInput):
    """A picture, by its bytes in base64."""

    media_type: ImageType
    data: Base64Bytes

    def part(self) -> ImagePart:
        """Return it as models are given it."""
        return ImagePart.model_construct(media_type=self.media_type, data=self.data)


class GenerationTurn(HttpInput):
    """One turn of a conversation: pictures, words, or words about the pictures before them."""

    role: Literal["user", "assistant"]
    content: str = Field(default="", max_length=MAX_PROMPT_CHARACTERS)
    images: tuple[GivenPicture, ...] = Field(default=(), max_length=MAX_PICTURES)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.content and not self.images:
            raise ValueError("a turn has content, images, or both")
        if self.images and self.role == "assistant":
            raise ValueError("images are given by the user")
        return self


class CreateGenerationRequest(HttpInput):
    """`POST /v1/generations`: one text, picture, set of vectors, labels or scores, from the
    cheapest model that suffices, or from the one that is named.

    A chat takes `prompt` or `messages`, an image `prompt`, an embedding `texts` or `images`, a
    classification `images` and `labels`, or `texts`, a tagging `texts`, a scoring `prompt` and
    `answers`. An answer that
    `max_tokens` cut off is an error, unless `allow_truncation` says otherwise. `documents` go with
    a chat: the check `supported` holds its answer to them.
    """

    task: Literal["chat", "embedding", "image", "classification", "tagging", "scoring"] = "chat"
    prompt: Text | None = None
    messages: tuple[GenerationTurn, ...] = Field(default=(), max_length=MAX_TURNS)
    texts: tuple[Text, ...] = Field(default=(), max_length=MAX_TEXTS)
    images: tuple[GivenPicture, ...] = Field(default=(), max_length=MAX_PICTURES)
    """Pictures to be embedded or classified; those of a chat stand in its `messages`."""
    labels: tuple[Label, ...] = Field(default=(), max_length=MAX_LABELS)
    """Names of classes, of which a classification says how likely each is of each picture. A model
    that classifies texts has its own."""
    templates: tuple[Template, ...] = Field(default=(), max_length=MAX_TEMPLATES)
    """Prompts of a class, with `{}` in the place of its name; the model's own where none is given.
    """
    answers: tuple[Text, ...] = Field(default=(), max_length=MAX_ANSWERS)
    """Answers to the prompt, of which a scoring says how much each would be liked."""
    system: str = Field(default="", max_length=MAX_PROMPT_CHARACTERS)
    documents: tuple[
        Annotated[str, Field(min_length=1, max_length=MAX_DOCUMENT_CHARACTERS)], ...
    ] = Field(default=(), max_length=MAX_DOCUMENTS)
    """Texts of others that a chat is to go by: they reach the model as quotes, never as orders."""
    max_tokens: int = Field(default=512, ge=1, le=200_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: tuple[str, ...] = Field(default=(), max_length=MAX_STOPS)
    seed: int | None = Field(default=None, ge=0, le=2_147_483_646)
    json_schema: Annotated[
        dict[str, JsonValue] | None, WithJsonSchema({"type": ["object", "null"]})
    ] = None
    """The JSON Schema that the answer has to keep to; `{}` asks for any JSON object."""
    allow_truncation: bool = False
    dimensions: int | None = Field(default=None, ge=1, le=16_384)
    negative_prompt: str = Field(default="", max_length=10_000)
    to_seed: int | None = Field(default=None, ge=0, le=2_147_483_646)
    """Pictures walk from that of `seed` to that of this one, both included."""
    steps: int | None = Field(default=None, ge=1, le=MAX_STEPS)
    """Of a sampler of pictures; more are slower and seldom better."""
    guidance: float | None = Field(default=None, ge=0, le=MAX_GUIDANCE)
    """How closely pictures keep to the prompt."""
    count: int = Field(default=1, ge=1, le=MAX_IMAGES)
    width: int = Field(default=1_024, ge=8, le=4_096)
    height: int = Field(default=1_024, ge=8, le=4_096)
    model: str = Field(default="auto", min_length=1, max_length=256)
    """A name of the catalogue, or auto."""
    quality: int = Field(default=1, ge=1, le=5)
    """The least tier that may answer."""
    service_tier: ServiceTier = "standard"
    deadline: AwareDatetime | None = None
    budget: Annotated[Dollars, Field(ge=0, le=1_000)] | None = None
    """Dollars that all attempts together may cost."""
    checks: tuple[Annotated[str, Field(max_length=1_000)], ...] = Field(default=(), max_length=8)
    """Checks that the answer must pass, such as `contains:turbine` or `length:20..400`."""
    fallback: bool = True
    end_user: EndUser = ""
    """Whom the answer is for; the same end user stays in one arm of a rollout of the model."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        given: dict[str, Any] = {
            "prompt": self.prompt,
            "messages": self.messages,
            "texts": self.texts,
            "images": self.images,
        }
        wanted = {
            "chat": ("prompt", "messages"),
            "image": ("prompt",),
            "embedding": ("texts", "images"),
            "classification": ("images", "texts"),
            "tagging": ("texts",),
            "scoring": ("prompt",),
        }
        has = [name for name, value in given.items() if value]
        if len(has) != 1 or has[0] not in wanted[self.task]:
            names = " or ".join(wanted[self.task])
            raise ValueError(f"a generation of task {self.task} takes {names}, and nothing else")
        self._has_labels()
        if bool(self.answers) != (self.task == "scoring"):
            raise ValueError("answers go with a scoring, which takes one at least")
        if self.documents and self.task != "chat":
            raise ValueError(f"documents go with a chat; leave them out of task {self.task}")
        return self

    def _has_labels(self) -> None:
        if self.task != "classification" or self.texts:
            if self.labels or self.templates:
                raise ValueError(
                    "labels and templates go with a classification of images; leave them out"
                )
        elif len(self.labels) < LEAST_LABELS or len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels has to hold {LEAST_LABELS} different labels at least")
