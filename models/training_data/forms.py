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

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.training_data.rows import DataKind

Fields = Mapping[str, Any]


class UnknownFormError(Exception):
    """Raised for fields that are in no form of a kind: a problem's name and its detail."""

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem, self.detail = problem, detail


@dataclass(frozen=True, slots=True)
class RowForm:
    """A form: the fields that it needs and may have, and how it becomes the fields of a row."""

    needs: tuple[str, ...]
    turn: Callable[[Fields], dict[str, Any]]
    may: tuple[str, ...] = ()


def _whole_text(value: Any) -> Any:
    """Return content as one text: lists of parts `{"text": …}` are joined."""
    if not isinstance(value, list):
        return value
    texts = [part.get("text") if isinstance(part, dict) else part for part in value]
    if not all(isinstance(text, str) for text in texts):
        raise UnknownFormError("unread_content", "a part of a message is no text")
    return "".join(map(str, texts))


def _turns(value: Any) -> list[dict[str, Any]]:
    """Return messages with their role and text alone. CSV has them as JSON."""
    listed = _from_json(value)
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise UnknownFormError("wrong_field", "messages are no list of objects")
    turns = []
    for number, each in enumerate(listed, 1):
        if each.get("tool_calls") or each.get("function_call"):
            raise UnknownFormError("unread_content", f"message {number} calls a tool")
        if each.get("weight") == 0:
            raise UnknownFormError("unread_content", f"message {number} has the weight 0")
        role = each.get("role", _SHAREGPT_ROLES.get(str(each.get("from"))))
        if role is None:
            raise UnknownFormError("unknown_role", f"message {number} has no role")
        role = "system" if role == "developer" else role
        content = _whole_text(each.get("content", each.get("value")))
        if content is None:
            raise UnknownFormError("empty_text", f"message {number} has no content")
        turns.append({"role": role, "content": content})
    return turns


_SHAREGPT_ROLES: Mapping[str, str] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}


def _from_json(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _prompt(value: Any, system: Any = None) -> list[dict[str, Any]]:
    """Return messages of a prompt, which is a text or messages."""
    listed = _from_json(value) if isinstance(value, list) else value
    turns = _turns(listed) if isinstance(listed, list) else [{"role": "user", "content": listed}]
    said = _whole_text(system)
    return [{"role": "system", "content": said}, *turns] if said else turns


def _chat(fields: Fields) -> dict[str, Any]:
    turns = _turns(fields.get("messages", fields.get("conversations")))
    system = _whole_text(fields.get("system"))
    return {"messages": [{"role": "system", "content": system}, *turns] if system else turns}


def _completion(fields: Fields) -> dict[str, Any]:
    answer = fields["completion"]
    turns = (
        _turns(answer) if isinstance(answer, list) else [{"role": "assistant", "content": answer}]
    )
    return {"messages": [*_prompt(fields["prompt"], fields.get("system")), *turns]}


def _alpaca(fields: Fields) -> dict[str, Any]:
    given = fields.get("input")
    asked = f"{fields['instruction']}\n\n{given}" if given else fields["instruction"]
    return _completion({"prompt": asked, "completion": fields["output"], **_system(fields)})


def _system(fields: Fields) -> dict[str, Any]:
    return {"system": fields["system"]} if fields.get("system") else {}


def _one_answer(value: Any) -> Any:
    """Return an answer that is a text or a list of one message."""
    if not isinstance(value, list):
        return value
    turns = _turns(value)
    if len(turns) != 1 or turns[0]["role"] != "assistant":
        raise UnknownFormError("wrong_field", "an answer is one message of the assistant")
    return turns[0]["content"]


def _preference(fields: Fields) -> dict[str, Any]:
    return {
        "messages": _prompt(fields["prompt"], fields.get("system")),
        "chosen": _one_answer(fields["chosen"]),
        "rejected": _one_answer(fields["rejected"]),
    }


def _whole_chats(fields: Fields) -> dict[str, Any]:
    """Return a preference of two whole chats, which differ in their last message."""
    if not isinstance(fields["chosen"], list) or not isinstance(fields["rejected"], list):
        raise UnknownFormError("missing_field", "prompt is missing")
    chosen, rejected = _turns(fields["chosen"]), _turns(fields["rejected"])
    if not chosen or not rejected or chosen[:-1] != rejected[:-1]:
        raise UnknownFormError("wrong_field", "chosen and rejected differ before their end")
    return {
        "messages": chosen[:-1],
        "chosen": _one_answer(chosen[-1:]),
        "rejected": _one_answer(rejected[-1:]),
    }


def _openai_preference(fields: Fields) -> dict[str, Any]:
    asked = fields["input"]
    if isinstance(asked, dict) and asked.get("tools"):
        raise UnknownFormError("unread_content", "the input has tools")
    return {
        "messages": _turns(asked.get("messages") if isinstance(asked, dict) else asked),
        "chosen": _one_answer(fields["preferred_output"]),
        "rejected": _one_answer(fields["non_preferred_output"]),
    }


def _asked(fields: Fields) -> dict[str, Any]:
    asked = fields["asked"]
    if not isinstance(asked, dict) or not asked.get("question"):
        raise UnknownFormError("missing_field", "asked.question is missing")
    return asked


def _correction(fields: Fields) -> dict[str, Any]:
    """Return the chat of a rating: its correction, or an answer that was rated up."""
    asked = _asked(fields)
    answer = fields.get("correction") or (asked.get("answer") if fields["rating"] == "up" else "")
    if not answer:
        raise UnknownFormError("missing_field", "rated down without a correction")
    return _completion({"prompt": asked["question"], "completion": answer})


def _corrected_pair(fields: Fields) -> dict[str, Any]:
    asked = _asked(fields)
    if not fields.get("correction") or not asked.get("answer"):
        raise UnknownFormError("missing_field", "the rating has no correction")
    return _preference(
        {
            "prompt": asked["question"],
            "chosen": fields["correction"],
            "rejected": asked["answer"],
        }
    )


def _rated_answer(fields: Fields) -> dict[str, Any]:
    asked = _asked(fields)
    return {"text": f"{asked['question']}\n\n{asked.get('answer', '')}", "label": fields["rating"]}


def _reviewed(fields: Fields) -> dict[str, Any]:
    """Return the text and the label of an item that reviewers decided."""
    item, decided = fields["item"], fields["provenance"]
    if not isinstance(item, dict) or not isinstance(decided, dict):
        raise UnknownFormError("wrong_field", "item and provenance are objects")
    text = item.get("text") or f"{item.get('prompt', '')}\n\n{item.get('answer', '')}".strip()
    return {"text": text, "label": decided.get("label")}


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
    spans = _from_json(fields.get("spans", fields.get("entities")))
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
    tokens, tags = _from_json(fields["tokens"]), _from_json(fields["ner_tags"])
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
        RowForm(("input", "preferred_output", "non_preferred_output"), _openai_preference),
        RowForm(("prompt", "chosen", "rejected"), _preference, ("system",)),
        RowForm(("chosen", "rejected"), _whole_chats),
        RowForm(
            ("asked", "rating", "correction"),
            _corrected_pair,
            ("feedback_id", "better_passage", "comment", "marks", "received_at"),
        ),
    ],
    "chat": [
        RowForm(("messages",), _chat, ("system", "schemaVersion")),
        RowForm(("conversations",), _chat, ("system",)),
        RowForm(("prompt", "completion"), _completion, ("system",)),
        RowForm(("instruction", "output"), _alpaca, ("input", "system")),
        RowForm(
            ("asked", "rating"),
            _correction,
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
        RowForm(("item", "provenance"), _reviewed, ("part", "given", "row")),
        RowForm(
            ("asked", "rating"),
            _rated_answer,
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
    for kind, forms in FORMS.items():
        if any(_fits(form, fields) for form in forms):
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
    turned = form.turn(fields)
    for name in _CARRIED:
        value = fields.get(name)
        if value is not None and value != "":
            turned[name] = str(value)
    return turned


def unread_columns(form: RowForm, fields: Fields) -> list[str]:
    """Return the fields that a form does not read."""
    return [name for name in fields if name not in (*form.needs, *form.may, *_CARRIED)]
