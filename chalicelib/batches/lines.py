"""One line of a batch as a call: the body of `POST /v1/generations` with an id, or OpenAI's line.

    {"id": "a", "prompt": "…", "max_tokens": 100}
    {"id": "b", "messages": [{"role": "user", "content": "…"}], "system": "…"}
    {"id": "c", "texts": ["…"]}
    {"id": "g", "images": [{"media_type": "image/png", "data": "…"}], "labels": ["…", "…"]}
    {"id": "h", "prompt": "…", "answers": ["…", "…"]}
    {"id": "e", "task": "image", "prompt": "…"}
    {"id": "f", "prompt": {"name": "sum-up", "variables": {…}}}     by `chalicelib.batches.prompted`
    {"custom_id": "d", "method": "POST", "url": "/v1/chat/completions", "body": {…}}

https://platform.openai.com/docs/api-reference/batch/request-input
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from chalicelib.contracts.batches import (
    MAX_ID_CHARACTERS,
    MAX_LINE_BYTES,
    BatchForm,
    BatchOrder,
    PromptUsed,
)
from chalicelib.contracts.generating import CreateGenerationRequest
from chalicelib.contracts.generations import Call, ChatCall, EmbedCall, ScoreCall, Terms
from chalicelib.contracts.http import parsed
from chalicelib.contracts.openai.base import OpenAIInput
from chalicelib.contracts.openai.chat import ChatCompletionRequest
from chalicelib.contracts.openai.embeddings import EmbeddingRequest
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.generation.requests import call_of
from chalicelib.openai import chat, embeddings

CHAT_URL = "/v1/chat/completions"
EMBEDDINGS_URL = "/v1/embeddings"
_TOLD_BY = {
    "answers": "scoring",
    "labels": "classification",
    "texts": "embedding",
    "images": "embedding",
}
"""Fields that say what a line's task is, the first that is there."""
_OF_THE_WHOLE = ("service_tier", "deadline")
_OF_A_LINE = ("model", "quality", "budget", "checks", "fallback")
_REPLACEMENT, _ESCAPED = "\N{REPLACEMENT CHARACTER}".encode(), b"\\ufffd"
"""A file came to us byte for byte: there it stands for itself, which a body cannot tell."""
_MAY_NAME_PROMPT = re.compile(rb'"prompt"\s*:\s*\{')
"""What most lines lack, so that they are not read twice."""


class OwnLine(CreateGenerationRequest):
    """A line of our own form: a request for a generation, with an id. Its task need not be said."""

    id: str = Field(min_length=1, max_length=MAX_ID_CHARACTERS)


class OpenAILine(OpenAIInput):
    """A line of OpenAI's form."""

    custom_id: str = Field(min_length=1, max_length=MAX_ID_CHARACTERS)
    method: Literal["POST"] = "POST"
    url: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """A line that was read: its id, the call, and which models may answer.

    `packs` tells that vectors are wanted as base64, as OpenAI's clients ask, `keeps_truncated` that
    an answer that was cut off is taken for one. `prompt` is what the call was rendered by, where it
    was; `reasons` that its answer begins with thoughts, and `output_schema` what is held to behind
    them.
    """

    id: str
    form: BatchForm
    call: Call
    terms: Terms
    packs: bool = False
    keeps_truncated: bool = False
    prompt: PromptUsed | None = None
    reasons: bool = False
    output_schema: Mapping[str, Any] | None = None


def read_item(body: bytes | None, order: BatchOrder) -> Item:
    """Return the item that a line is; None stands for a line that is too long.

    Raises:
        InvalidInput, Unsupported: it is none, or asks for what is not done; the field is named.
    """
    if body is None:
        raise InvalidInput(
            f"The line is longer than {MAX_LINE_BYTES} bytes.",
            field="line",
            limit=str(MAX_LINE_BYTES),
        )
    is_openai = form_of(body) == "openai"
    body = body.replace(_REPLACEMENT, _ESCAPED)
    return _openai(body, order) if is_openai else _own(body, order)


def form_of(body: bytes | None) -> BatchForm:
    """Return the form of a line: OpenAI's where it has a `custom_id`, else ours."""
    return "openai" if b'"custom_id"' in (body or b"") and "custom_id" in _fields(body) else "own"


def names_prompt(body: bytes | None) -> bool:
    """Tell whether a line names a prompt in the place of words."""
    if body is None or _MAY_NAME_PROMPT.search(body) is None:
        return False
    return isinstance(_fields(body).get("prompt"), dict)


def id_of(body: bytes | None) -> str:
    """Return the id of a line that is no item, as far as it can be told, or ""."""
    fields = _fields(body)
    found = fields.get("custom_id", fields.get("id"))
    return found[:MAX_ID_CHARACTERS] if isinstance(found, str) else ""


def _fields(body: bytes | None) -> Mapping[str, Any]:
    try:
        read = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _own(body: bytes, order: BatchOrder) -> Item:
    fields = _fields(body)
    task = next((task for name, task in _TOLD_BY.items() if name in fields), None)
    if task is not None and "task" not in fields:
        body = json.dumps({**fields, "task": task}).encode()
    line = parsed(body, OwnLine)
    for name in _OF_THE_WHOLE:
        if name in line.model_fields_set:
            raise InvalidInput(f"{name} is said of the whole batch, not of a line.", field=name)
    call = call_of(line)
    given = {name: getattr(line, name) for name in _OF_A_LINE if name in line.model_fields_set}
    terms = _terms(call, given.pop("model", order.model), order)
    if given:
        checks = dict.fromkeys((*terms.checks, *given.pop("checks", ())))
        terms = terms.model_copy(update={**given, "checks": tuple(checks)})
    return Item(line.id, "own", call, terms, keeps_truncated=line.allow_truncation)


def _terms(call: Call, model: str, order: BatchOrder) -> Terms:
    """Return which models may answer. Vectors and scores of two models cannot be compared, so that
    none takes the place of another.
    """
    checks: tuple[str, ...] = ()
    if isinstance(call, ChatCall):
        checks = order.checks
        if call.json_output is not None:
            held = "json" if call.json_output.json_schema is None else "schema"
            checks = tuple(dict.fromkeys((held, *checks)))
    return Terms(
        model=model,
        quality=order.quality,
        service_tier=order.service_tier,
        checks=checks,
        fallback=order.fallback and not isinstance(call, EmbedCall | ScoreCall),
    )


def _openai(body: bytes, order: BatchOrder) -> Item:
    line = parsed(body, OpenAILine)
    reader = _READERS.get(line.url)
    if reader is None:
        raise Unsupported(
            f"{line.url} is not done in batches; there are {', '.join(_READERS)}.", field="url"
        )
    call, model, packs = reader(json.dumps(dict(line.body)).encode())
    return Item(line.custom_id, "openai", call, _terms(call, model, order), packs)


def _read_chat(body: bytes) -> tuple[Call, str, bool]:
    request = parsed(body, ChatCompletionRequest)
    if request.stream:
        raise Unsupported("stream is not done in batches; leave it out.", field="body.stream")
    return chat.chat_call(request), request.model, False


def _read_embedding(body: bytes) -> tuple[Call, str, bool]:
    request = parsed(body, EmbeddingRequest)
    packs = request.encoding_format == "base64"
    return embeddings.embed_call(request), request.model, packs


_READERS: Mapping[str, Callable[[bytes], tuple[Call, str, bool]]] = {
    CHAT_URL: _read_chat,
    EMBEDDINGS_URL: _read_embedding,
}
