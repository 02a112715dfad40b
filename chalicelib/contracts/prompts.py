"""Prompts as versioned data: what a version says, and the bodies of `/v1/prompts`.

A version is immutable. Its templates are a small part of Jinja's language, its variables are typed,
and text that strangers wrote has a type of its own, so that it can be kept out of instructions.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import AnyJson, Contract, HttpInput
from chalicelib.contracts.generations import (
    MAX_IMAGES,
    MAX_STOPS,
    ChatCall,
    ImageCall,
    ServiceTier,
    Terms,
)
from chalicelib.contracts.receipts import Dollars

PROMPT_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
LABEL_PATTERN = r"^[a-z][a-z0-9_-]{0,62}$"
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
"""Of variables and turns, which templates speak of."""
LATEST = "latest"

MAX_BODY_BYTES = 256 * 1024
"""A version is one item of DynamoDB, which holds 400 KB with the names of its attributes.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""
MAX_TEMPLATE_CHARACTERS = 64_000
MAX_VARIABLES = 50
MAX_TURNS = 8
MAX_EXAMPLES = 20
MAX_TOKENS = 200_000
MAX_SEED = 2_147_483_646
MAX_LIST_ITEMS = 1_000
MAX_DEFAULT_ITEMS = 100
MAX_STRING_CHARACTERS = 10_000
MAX_DOCUMENT_CHARACTERS = 400_000
MAX_INTEGER = 2**53 - 1
"""The largest integer that JSON can represent exactly. https://www.rfc-editor.org/rfc/rfc8259#section-6"""

Template = Annotated[str, Field(max_length=MAX_TEMPLATE_CHARACTERS)]
PromptName = Annotated[str, Field(pattern=PROMPT_PATTERN)]
Label = Annotated[str, Field(pattern=LABEL_PATTERN)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Whole = Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=MAX_STRING_CHARACTERS)]


class _Variable(HttpInput):
    """Fields of every variable. One that is not required and has no default may be undefined."""

    description: str = Field(default="", max_length=500)
    required: bool = True


class StringVariable(_Variable):
    """A text of the caller's own, of up to `max_length` characters."""

    type: Literal["string"]
    max_length: int = Field(default=1_000, ge=1, le=MAX_STRING_CHARACTERS)
    default: Text | None = None


class IntegerVariable(_Variable):
    """A whole number."""

    type: Literal["integer"]
    minimum: Whole = -MAX_INTEGER
    maximum: Whole = MAX_INTEGER
    default: Whole | None = None


class NumberVariable(_Variable):
    """A number."""

    type: Literal["number"]
    minimum: Finite | None = None
    maximum: Finite | None = None
    default: Finite | None = None


class BooleanVariable(_Variable):
    """Yes or no."""

    type: Literal["boolean"]
    default: bool | None = None


class EnumVariable(_Variable):
    """A variable that takes one of the listed texts."""

    type: Literal["enum"]
    values: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        min_length=1, max_length=100
    )
    default: str | None = None


class StringsVariable(_Variable):
    """A list of texts of the caller's own."""

    type: Literal["strings"]
    max_items: int = Field(default=100, ge=1, le=MAX_LIST_ITEMS)
    max_length: int = Field(default=1_000, ge=1, le=MAX_STRING_CHARACTERS)
    default: tuple[Annotated[str, Field(max_length=1_000)], ...] | None = Field(
        default=None, max_length=MAX_DEFAULT_ITEMS
    )


class DocumentVariable(_Variable):
    """Text that somebody else wrote. It is fenced as data, and never enters instructions."""

    type: Literal["document"]
    max_length: int = Field(default=100_000, ge=1, le=MAX_DOCUMENT_CHARACTERS)


Variable = Annotated[
    StringVariable
    | IntegerVariable
    | NumberVariable
    | BooleanVariable
    | EnumVariable
    | StringsVariable
    | DocumentVariable,
    Field(discriminator="type"),
]


class PromptExample(HttpInput):
    """A few-shot example: what a turn is given, and what it is to answer.

    `variables` may hold outputs of earlier turns. `reasoning` is what would be thought first.
    """

    variables: dict[str, AnyJson] = Field(default_factory=dict)
    output: str = Field(min_length=1, max_length=MAX_TEMPLATE_CHARACTERS)
    reasoning: str = Field(default="", max_length=MAX_TEMPLATE_CHARACTERS)


class PromptTurn(HttpInput):
    """A turn of a prompt: one question to a model. Later turns use its output by its name.

    `reasoning` has the model think first, in a marked part that is cut off.
    """

    name: Name = "answer"
    template: Template = Field(min_length=1)
    examples: tuple[PromptExample, ...] = Field(default=(), max_length=MAX_EXAMPLES)
    reasoning: bool = False
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)


class Verifier(HttpInput):
    """A second question, which says whether the `answer` of the last turn stands."""

    role: Template = ""
    template: Template = Field(min_length=1)
    max_tokens: int = Field(default=200, ge=1, le=MAX_TOKENS)


class PromptParameters(HttpInput):
    """Sampling parameters of a prompt, which a caller may override."""

    max_tokens: int = Field(default=512, ge=1, le=MAX_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: tuple[str, ...] = Field(default=(), max_length=MAX_STOPS)
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)


class PromptTerms(HttpInput):
    """The models that may answer: `Terms` without the deadline, which each request has.

    `checks` are of what the last turn answers.
    """

    model: str = Field(default="auto", min_length=1, max_length=256)
    quality: int = Field(default=1, ge=1, le=5)
    service_tier: ServiceTier = "standard"
    budget: Annotated[Dollars, Field(ge=0, le=1_000)] | None = None
    checks: tuple[Annotated[str, Field(max_length=1_000)], ...] = Field(default=(), max_length=8)
    fallback: bool = True

    def terms(self) -> Terms:
        """Return them as a call takes them."""
        return Terms(**dict(self))


class ImageSettings(HttpInput):
    """The pictures that the last turn asks for: their number, and their size in pixels."""

    count: int = Field(default=1, ge=1, le=MAX_IMAGES)
    width: int = Field(default=1024, ge=8, le=4096)
    height: int = Field(default=1024, ge=8, le=4096)
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)


class PromptContent(HttpInput):
    """The content of a prompt version.

    `role` is the system text. `output_schema` is a JSON Schema of what the last turn answers.
    `negative_prompt` says what pictures are not to show.
    """

    description: str = Field(default="", max_length=1_000)
    variables: dict[Name, Variable] = Field(default_factory=dict, max_length=MAX_VARIABLES)
    role: Template = ""
    turns: tuple[PromptTurn, ...] = Field(min_length=1, max_length=MAX_TURNS)
    verifier: Verifier | None = None
    output_schema: dict[str, AnyJson] | None = None
    image: ImageSettings | None = None
    negative_prompt: Template = ""
    parameters: PromptParameters = PromptParameters()
    terms: PromptTerms = PromptTerms()


class SavePromptRequest(PromptContent):
    """`POST /v1/prompts`: a version of the prompt `name`."""

    name: PromptName

    def content(self) -> PromptContent:
        """Return what the version says."""
        return PromptContent(**{name: getattr(self, name) for name in PromptContent.model_fields})


class VersionSummary(Contract):
    """A version: its number, the hash and the size of what it says, and who points to it."""

    name: str
    version: int
    sha256: str
    bytes: int
    labels: tuple[str, ...] = ()
    created_at: AwareDatetime


class SavedPrompt(VersionSummary):
    """The version that says what was sent; `created` is false where it was there already."""

    created: bool


class PromptVersion(VersionSummary):
    """A version with what it says."""

    content: PromptContent


class PromptSuite(Contract):
    """The suite that a version has to pass before one of `labels` points to it.

    `sha256` is that of its cases, graders and gate.
    """

    name: str
    sha256: str
    labels: tuple[str, ...]


class LabelOverride(Contract):
    """A label that was moved, or a suite that was removed, against what the suite says.

    `reason` is the caller's own, `refusal` what was overridden, and `key` the API key's id. Of a
    suite that was removed `label` is "", and `version` 0.
    """

    label: str
    version: int
    reason: str
    refusal: str
    key: str = ""
    at: AwareDatetime


class PromptView(Contract):
    """A prompt: its newest version, how many there are, and what labels point to.

    `overrides` are the last 20 times that its suite was overridden, newest last.
    """

    name: str
    description: str
    latest: int
    versions: int
    labels: dict[str, int]
    suite: PromptSuite | None = None
    overrides: tuple[LabelOverride, ...] = ()
    created_at: AwareDatetime
    updated_at: AwareDatetime


class PromptList(Contract):
    """One page of prompts by name; `next_cursor` is None at the end."""

    items: tuple[PromptView, ...]
    next_cursor: str | None


class VersionList(Contract):
    """One page of versions, newest first; `next_cursor` is None at the end."""

    items: tuple[VersionSummary, ...]
    next_cursor: str | None


class PutLabelRequest(HttpInput):
    """`PUT /v1/prompts/{prompt}/labels/{label}`: the version that the label points to now.

    `override` is a reason to move it although the prompt's suite has not passed; it is recorded.
    """

    version: int = Field(ge=1)
    override: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class RenderRequest(HttpInput):
    """`POST /v1/prompts/{prompt}/render`: what each turn would send.

    `version` is a number, a label or `latest`. `outputs` stand for what turns would answer; those
    that are left out are filled in with a note.
    """

    version: Annotated[int, Field(ge=1)] | Label = LATEST
    variables: dict[str, AnyJson] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(default_factory=dict)


class RenderedTurn(Contract):
    """The call that a turn makes; `tokens_in` is an estimate that is never too small."""

    turn: str
    tokens_in: int
    call: Annotated[ChatCall | ImageCall, Field(discriminator="task")]


class RenderedPrompt(Contract):
    """The calls that each turn would send; no model was called."""

    name: str
    version: int
    turns: tuple[RenderedTurn, ...]
    verifier: RenderedTurn | None = None
    terms: PromptTerms
