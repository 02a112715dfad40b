"""The kinds of rows that recipes are trained on, each as a model of one line of JSON.

A rule that a row breaks is an error whose type is the name of a problem in problems.py, so that a
channel that is read in a job and a file that is checked on a laptop are held to the same rules.
"""

from __future__ import annotations

import json
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from models.training.recipe import DataKind

ChatRole = Literal["system", "user", "assistant"]

MAX_TEXT = 2_000_000
"""The most characters of one text of a row."""
MAX_MESSAGES = 1_000
MAX_LABEL = 200
_NAMES_OF_NOTHING = frozenset(("", "nan", "null", "#n/a"))


def _require_words(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("empty_text", "is empty")
    return text


def _label_text(value: Any) -> Any:
    """Return a label as text: numbers and booleans by their JSON, 1.0 as 1."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        raise PydanticCustomError("empty_label", "is missing or not a number")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def _require_label(text: str) -> str:
    if text.casefold() in _NAMES_OF_NOTHING or not text:
        raise PydanticCustomError(
            "empty_label", "is {label}, which names no class", {"label": text}
        )
    return text


def _require_local_path(path: str) -> str:
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in path:
        raise PydanticCustomError(
            "outside_path", "{path} leads out of its folder", {"path": path[:200]}
        )
    return path


RowText = Annotated[str, StringConstraints(max_length=MAX_TEXT), AfterValidator(_require_words)]
"""A text with a character that is no space."""
RowLabel = Annotated[
    str,
    BeforeValidator(_label_text),
    StringConstraints(strip_whitespace=True, max_length=MAX_LABEL),
    AfterValidator(_require_label),
]
RowFile = Annotated[
    str, StringConstraints(min_length=1, max_length=1_024), AfterValidator(_require_local_path)
]
"""The path of a picture below `files/` of its channel."""
RowKey = Annotated[str, StringConstraints(min_length=1, max_length=1_024)]
"""A name such as the path of a document, which is the group of its rows."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataRow(_Row):
    """Fields of every row. Rows of one `group` are always of one part of the split."""

    kind: ClassVar[DataKind]

    id: RowKey | None = None
    group: RowKey | None = None

    @abstractmethod
    def input_texts(self) -> Sequence[str]:
        """Return the texts that a model is given, by which rows are alike."""

    def answer_texts(self) -> Sequence[str]:
        """Return the texts that a model learns to give."""
        return ()

    def class_label(self) -> str | None:
        """Return the class, of a row that has one."""
        return None

    def image_file(self) -> str | None:
        """Return the path of the picture, of a row that has one."""
        return None

    def line(self) -> str:
        """Return the row as one line of JSON, without fields that it does not have."""
        return self.model_dump_json(exclude_none=True)


class ChatTurn(_Row):
    """One message of a chat."""

    role: ChatRole
    content: RowText


def _require_order(turns: Sequence[ChatTurn]) -> None:
    """Raise unless, after a system message at most, user and assistant alternate from the user."""
    spoken = turns[1:] if turns and turns[0].role == "system" else turns
    if any(turn.role == "system" for turn in spoken):
        raise PydanticCustomError("role_order", "a system message stands after others")
    if not spoken or spoken[0].role != "user":
        raise PydanticCustomError("role_order", "no user message stands first")
    for number, (before, turn) in enumerate(pairwise(spoken), len(turns) - len(spoken) + 2):
        if before.role == turn.role:
            raise PydanticCustomError(
                "role_order",
                "message {number} is the second of {role} in a row",
                {"number": number, "role": turn.role},
            )


class ChatExample(DataRow):
    """A chat, whose last message is the assistant's."""

    kind: ClassVar[DataKind] = "chat"

    messages: Annotated[tuple[ChatTurn, ...], Field(min_length=1, max_length=MAX_MESSAGES)]

    @model_validator(mode="after")
    def _ends_with_an_answer(self) -> ChatExample:
        _require_order(self.messages)
        if self.messages[-1].role != "assistant":
            raise PydanticCustomError("last_not_assistant", "the last message is the user's")
        return self

    def input_texts(self) -> Sequence[str]:
        """Return what the user said."""
        return [turn.content for turn in self.messages if turn.role == "user"]

    def answer_texts(self) -> Sequence[str]:
        """Return what the assistant said."""
        return [turn.content for turn in self.messages if turn.role == "assistant"]


class PreferenceExample(DataRow):
    """A chat that ends with the user, a better next answer and a worse one."""

    kind: ClassVar[DataKind] = "preference"

    messages: Annotated[tuple[ChatTurn, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    chosen: RowText
    rejected: RowText

    @model_validator(mode="after")
    def _has_two_answers(self) -> PreferenceExample:
        _require_order(self.messages)
        if self.messages[-1].role != "user":
            raise PydanticCustomError("last_not_user", "the last message is the assistant's")
        if self.chosen.strip() == self.rejected.strip():
            raise PydanticCustomError("chosen_is_rejected", "chosen and rejected are the same")
        return self

    def input_texts(self) -> Sequence[str]:
        """Return what the user said."""
        return [turn.content for turn in self.messages if turn.role == "user"]

    def answer_texts(self) -> Sequence[str]:
        """Return the better and the worse answer."""
        return [self.chosen, self.rejected]


class TextExample(DataRow):
    """A text, such as a document, to continue pre-training on."""

    kind: ClassVar[DataKind] = "text"

    text: RowText

    def input_texts(self) -> Sequence[str]:
        """Return the text."""
        return [self.text]


class LabelledText(DataRow):
    """A text and its class."""

    kind: ClassVar[DataKind] = "labelled_text"

    text: RowText
    label: RowLabel

    def input_texts(self) -> Sequence[str]:
        """Return the text."""
        return [self.text]

    def class_label(self) -> str | None:
        """Return the class."""
        return self.label


class LabelledSpan(_Row):
    """A part of a text with its class: characters from `start` up to, not with, `end`."""

    start: Annotated[int, Field(ge=0, strict=True)]
    end: Annotated[int, Field(ge=0, strict=True)]
    label: RowLabel


class TaggedText(DataRow):
    """A text with spans of classes, in order and apart, such as the names in it."""

    kind: ClassVar[DataKind] = "tagged_text"

    text: RowText
    spans: tuple[LabelledSpan, ...] = ()

    @model_validator(mode="after")
    def _spans_are_in_the_text(self) -> TaggedText:
        for span in self.spans:
            if not span.start < span.end <= len(self.text):
                raise PydanticCustomError(
                    "span_range",
                    "the span {start} to {end} is empty or ends after the {length} characters",
                    {"start": span.start, "end": span.end, "length": len(self.text)},
                )
        for one, other in pairwise(self.spans):
            if other.start < one.end:
                raise PydanticCustomError(
                    "span_overlap",
                    "the spans at {one} and {other} overlap or are not in order",
                    {"one": one.start, "other": other.start},
                )
        return self

    def input_texts(self) -> Sequence[str]:
        """Return the text."""
        return [self.text]


class TextPair(DataRow):
    """A query and a passage that answers it; `negative` is a passage that does not."""

    kind: ClassVar[DataKind] = "text_pairs"

    query: RowText
    passage: RowText
    negative: RowText | None = None

    @model_validator(mode="after")
    def _passages_differ(self) -> TextPair:
        if self.negative is not None and self.negative.strip() == self.passage.strip():
            raise PydanticCustomError("chosen_is_rejected", "passage and negative are the same")
        return self

    def input_texts(self) -> Sequence[str]:
        """Return the query."""
        return [self.query]

    def answer_texts(self) -> Sequence[str]:
        """Return the passages."""
        return [self.passage, *filter(None, [self.negative])]


class ImageRow(DataRow):
    """A row with a picture."""

    file: RowFile

    def input_texts(self) -> Sequence[str]:
        """Return nothing: pictures are alike by their pixels."""
        return ()

    def image_file(self) -> str | None:
        """Return the path of the picture."""
        return self.file


class CaptionedImage(ImageRow):
    """A picture and a text that describes it."""

    kind: ClassVar[DataKind] = "captioned_images"

    text: RowText

    def answer_texts(self) -> Sequence[str]:
        """Return the caption."""
        return [self.text]


class ClassedImage(ImageRow):
    """A picture and its class."""

    kind: ClassVar[DataKind] = "classed_images"

    label: RowLabel

    def class_label(self) -> str | None:
        """Return the class."""
        return self.label


class QuestionedImage(ImageRow):
    """A picture, a question about it, and the answer."""

    kind: ClassVar[DataKind] = "image_questions"

    question: RowText
    answer: RowText

    def answer_texts(self) -> Sequence[str]:
        """Return the question and its answer."""
        return [self.question, self.answer]


class ProductRow(ImageRow):
    """A product: its picture, its title and its class."""

    kind: ClassVar[DataKind] = "products"

    title: RowText
    label: RowLabel

    def input_texts(self) -> Sequence[str]:
        """Return the title."""
        return [self.title]

    def class_label(self) -> str | None:
        """Return the class."""
        return self.label


ROWS: Mapping[DataKind, type[DataRow]] = {
    row.kind: row
    for row in (
        *(ChatExample, PreferenceExample, TextExample, LabelledText, TaggedText, TextPair),
        *(CaptionedImage, ClassedImage, QuestionedImage, ProductRow),
    )
}
IMAGE_KINDS: frozenset[DataKind] = frozenset(
    kind for kind, row in ROWS.items() if issubclass(row, ImageRow)
)
