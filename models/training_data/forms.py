"""The forms in which others write training data, each turned into the fields of our rows.

| form | fields |
| --- | --- |
| chats of OpenAI and TRL | `messages` |
| Bedrock's conversations | `system`, `messages` with `content` as a list of `text` |
| ShareGPT | `conversations` of `from` and `value` |
| completions: OpenAI, Bedrock, TRL | `prompt`, `completion`, each a text or messages |
| Alpaca | `instruction`, `input`, `output` |
| preferences of OpenAI | `input`, `preferred_output`, `non_preferred_output` |
| preferences of TRL | `prompt`, `chosen`, `rejected`, or `chosen` and `rejected` as whole chats |
| Bedrock's continued pre-training | `input` |
| spaCy | `text`, `entities`; CoNLL: `tokens`, `ner_tags` in BIO |
| sentence-transformers | `anchor`, `positive`, `negative` |
| Hugging Face's image folders | `file_name`, with `text` or `label` |
| what Headrace collected | rows of `headrace labelling export` and of `feedback.jsonl` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.training.recipe import DataKind
from models.training_data import chat_forms
from models.training_data.chat_forms import Fields, UnknownFormError


@dataclass(frozen=True, slots=True)
class RowForm:
    """A form: the fields that it needs and may have, and how it becomes the fields of a row."""

    needs: tuple[str, ...]
    turn: Callable[[Fields], dict[str, Any]]
    may: tuple[str, ...] = ()


def _as_it_is(*names: str) -> Callable[[Fields], dict[str, Any]]:
    def turn(fields: Fields) -> dict[str, Any]:
        return {name: fields[name] for name in names if fields.get(name) is not None}

    return turn


def _renamed(**names: str) -> Callable[[Fields], dict[str, Any]]:
    """Return a form that has other names for our fields."""

    def turn(fields: Fields) -> dict[str, Any]:
        return {ours: fields[own] for ours, own in names.items() if fields.get(own) is not None}

    return turn


def _tagged(fields: Fields) -> dict[str, Any]:
    spans = chat_forms.from_json(fields.get("spans", fields.get("entities")))
    if not isinstance(spans, list):
        raise UnknownFormError("wrong_field", "spans are no list")
    return {"text": fields["text"], "spans": sorted(map(_span, spans), key=_start)}


def _start(span: Mapping[str, Any]) -> int:
    return span["start"] if isinstance(span.get("start"), int) else -1


def _span(value: Any) -> dict[str, Any]:
    if isinstance(value, list | tuple) and len(value) == 3:
        return dict(zip(("start", "end", "label"), value, strict=True))
    if isinstance(value, dict):
        return {name: value.get(name) for name in ("start", "end", "label")}
    raise UnknownFormError("wrong_field", "a span is {start, end, label} or [start, end, label]")


def _conll(fields: Fields) -> dict[str, Any]:
    """Return tokens with BIO tags as a text with spans, joined by spaces."""
    tokens, tags = chat_forms.from_json(fields["tokens"]), chat_forms.from_json(fields["ner_tags"])
    if not isinstance(tokens, list) or not isinstance(tags, list) or len(tokens) != len(tags):
        raise UnknownFormError("wrong_field", "tokens and ner_tags are lists of one length")
    if not all(isinstance(tag, str) for tag in tags):
        raise UnknownFormError("wrong_field", "ner_tags are numbers; write their names, as B-PER")
    spans: list[dict[str, Any]] = []
    at = 0
    for token, tag in zip(map(str, tokens), tags, strict=True):
        mark, _, label = tag.partition("-")
        if mark == "I" and spans and spans[-1]["label"] == label and spans[-1]["end"] == at - 1:
            spans[-1]["end"] = at + len(token)
        elif mark in ("B", "I"):
            spans.append({"start": at, "end": at + len(token), "label": label})
        at += len(token) + 1
    return {"text": " ".join(map(str, tokens)), "spans": spans}


_FILE_NAMES = ("file", "file_name", "image")


def _with_file(*names: str) -> Sequence[RowForm]:
    """Return the forms of a kind with pictures, by what the column of the picture is called."""

    def form(file: str) -> RowForm:
        return RowForm((file, *names), _renamed(file=file, **{name: name for name in names}))

    return [form(file) for file in _FILE_NAMES]


def _captioned() -> Sequence[RowForm]:
    return [
        RowForm((file, text), _renamed(file=file, text=text))
        for file in _FILE_NAMES
        for text in ("text", "caption")
    ]


FORMS: Mapping[DataKind, Sequence[RowForm]] = {
    "preference": [
        RowForm(
            ("input", "preferred_output", "non_preferred_output"), chat_forms.openai_preference
        ),
        RowForm(("prompt", "chosen", "rejected"), chat_forms.preference, ("system",)),
        RowForm(("chosen", "rejected"), chat_forms.whole_chats),
        RowForm(
            ("asked", "rating", "correction"),
            chat_forms.corrected_pair,
            ("feedback_id", "better_passage", "comment", "marks", "received_at"),
        ),
    ],
    "chat": [
        RowForm(("messages",), chat_forms.chat, ("system", "schemaVersion")),
        RowForm(("conversations",), chat_forms.chat, ("system",)),
        RowForm(("prompt", "completion"), chat_forms.completion, ("system",)),
        RowForm(("instruction", "output"), chat_forms.alpaca, ("input", "system")),
        RowForm(
            ("asked", "rating"),
            chat_forms.correction,
            ("feedback_id", "correction", "better_passage", "comment", "marks", "received_at"),
        ),
    ],
    "image_questions": _with_file("question", "answer"),
    "products": _with_file("title", "label"),
    "captioned_images": _captioned(),
    "classed_images": _with_file("label"),
    "tagged_text": [
        RowForm(("text", "spans"), _tagged),
        RowForm(("text", "entities"), _tagged),
        RowForm(("tokens", "ner_tags"), _conll),
    ],
    "labelled_text": [
        RowForm(("text", "label"), _as_it_is("text", "label")),
        RowForm(("item", "provenance"), chat_forms.reviewed, ("part", "given", "row")),
        RowForm(
            ("asked", "rating"),
            chat_forms.rated_answer,
            ("feedback_id", "correction", "better_passage", "comment", "marks", "received_at"),
        ),
    ],
    "text_pairs": [
        RowForm(("query", "passage"), _as_it_is("query", "passage", "negative"), ("negative",)),
        RowForm(
            ("anchor", "positive"),
            _renamed(query="anchor", passage="positive", negative="negative"),
            ("negative",),
        ),
    ],
    "text": [
        RowForm(("text",), _as_it_is("text")),
        RowForm(("input",), _renamed(text="input")),
    ],
}
"""Forms by kind, those that need more before others: the first one that fits is taken."""

_CARRIED = ("id", "group")


def detected_kind(fields: Fields) -> DataKind | None:
    """Return the kind of a row by its fields, or None where no form fits."""
    return first_fitting(FORMS, fields)


def first_fitting(kinds: Iterable[DataKind], fields: Fields) -> DataKind | None:
    """Return the first of some kinds that a row is of, by its fields, or None."""
    for kind in kinds:
        if any(_fits(form, fields) for form in FORMS[kind]):
            return kind
    return None


def _fits(form: RowForm, fields: Fields) -> bool:
    return all(name in fields for name in form.needs)


def form_of(kind: DataKind, fields: Fields) -> RowForm:
    """Return the form of a kind that fits the fields best. Raises UnknownFormError."""
    for form in FORMS[kind]:
        if _fits(form, fields):
            return form
    nearest = max(FORMS[kind], key=lambda form: sum(name in fields for name in form.needs))
    lacking = [name for name in nearest.needs if name not in fields]
    found = ", ".join(map(str, list(fields)[:20])) or "none"
    raise UnknownFormError("missing_column", f"{', '.join(lacking)}: not among {found}")


def row_fields(kind: DataKind, form: RowForm, fields: Fields) -> dict[str, Any]:
    """Return the fields of a row of `kind` from those of a form. Raises UnknownFormError."""
    lacking = [name for name in form.needs if fields.get(name) is None]
    if lacking:
        name = lacking[0]
        problem = "empty_label" if name == "label" else "missing_field"
        raise UnknownFormError(problem, f"{name} is missing")
    # CSV has "" where an optional field is not there.
    filled = {name: value for name, value in fields.items() if name in form.needs or value != ""}
    turned = form.turn(filled)
    for name in _CARRIED:
        value = fields.get(name)
        if value is not None and value != "":
            turned[name] = str(value)
    return turned


def unread_columns(form: RowForm, fields: Fields) -> list[str]:
    """Return the fields that a form does not read."""
    return [name for name in fields if name not in (*form.needs, *form.may, *_CARRIED)]
