"""An item of a batch: one line of the input, read as a model call.

    {"id": "a", "prompt": "…", "max_tokens": 100}
    {"id": "b", "messages": [{"role": "user", "content": "…"}], "system": "…"}
    {"id": "c", "texts": ["…"]}
    {"id": "i", "task": "classification", "texts": ["…"]}
    {"id": "g", "images": [{"media_type": "image/png", "data": "…"}], "labels": ["…", "…"]}
    {"id": "h", "prompt": "…", "answers": ["…", "…"]}
    {"id": "e", "task": "image", "prompt": "…"}
    {"id": "f", "prompt": {"name": "sum-up", "variables": {…}}}     see `prompt_items`
    {"custom_id": "d", "method": "POST", "url": "/v1/chat/completions", "body": {…}}

A line of our form is the body of `POST /v1/generations` with an id; the last is OpenAI's form.
https://platform.openai.com/docs/api-reference/batch/request-input
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from chalicelib.batches import storage
from chalicelib.contracts.batches import (
    MAX_ID_CHARACTERS,
    MAX_LINE_BYTES,
    BatchForm,
    BatchOrder,
    PromptUsed,
)
from chalicelib.contracts.code_checks import CodeCheck
from chalicelib.contracts.generation_requests import CreateGenerationRequest
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ClassifyCall,
    EmbedCall,
    ScoreCall,
    TagCall,
    Terms,
)
from chalicelib.contracts.http import parsed
from chalicelib.contracts.openai.base import OpenAIInput
from chalicelib.contracts.openai.chat import ChatCompletionRequest
from chalicelib.contracts.openai.embeddings import EmbeddingRequest
from chalicelib.contracts.prompt_lines import RenderedLine
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.generation.requests import call_from_request
from chalicelib.openai import chat, embeddings

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.batches import ItemRef


CHAT_URL = "/v1/chat/completions"
EMBEDDINGS_URL = "/v1/embeddings"
_TASK_FIELDS = {
    "answers": "scoring",
    "labels": "classification",
    "texts": "embedding",
    "images": "embedding",
}
"""Fields that imply the task of a line; the first that is present decides."""
_BATCH_FIELDS = ("service_tier", "deadline")
_LINE_FIELDS = ("model", "quality", "budget", "checks", "fallback")
_REPLACEMENT, _ESCAPED = "\N{REPLACEMENT CHARACTER}".encode(), b"\\ufffd"
"""The file arrived byte for byte, so a replacement character in it is genuine; in the body of
a request it would be a sign of broken UTF-8. Escaped, it passes that check.
"""
_MAY_NAME_PROMPT = re.compile(rb'"prompt"\s*:\s*\{')
"""Most lines do not match, so that they are not parsed twice."""


class OwnLine(CreateGenerationRequest):
    """A line of our own form: a request for a generation, with an id. Its task may be implied."""

    id: str = Field(min_length=1, max_length=MAX_ID_CHARACTERS)
    code: CodeCheck | None = None
    """Tests that the code in the answer of a chat is run against."""


class OpenAILine(OpenAIInput):
    """A line of OpenAI's form."""

    custom_id: str = Field(min_length=1, max_length=MAX_ID_CHARACTERS)
    method: Literal["POST"] = "POST"
    url: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BatchItem:
    """A line that was read: its id, its call, and which models may answer.

    `packs` asks for vectors as base64, as OpenAI's clients do. `keeps_truncated` accepts an
    answer that was cut off. `prompt` is the version that the call was rendered from, if any;
    `reasons` says that its answer begins with thoughts, and `output_schema` is what the text
    after them must match. `code` is how the code in it is judged.
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
    code: CodeCheck | None = None


def read_item(body: bytes | None, order: BatchOrder) -> BatchItem:
    """Return the item on a line; None stands for a line that is too long.

    Raises:
        InvalidInput, Unsupported: the line is invalid, or asks for what batches do not do; the
            error names the field.
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
    """Return the form of a line: OpenAI's if it has a `custom_id`, else ours."""
    return "openai" if b'"custom_id"' in (body or b"") and "custom_id" in _fields(body) else "own"


def names_prompt(body: bytes | None) -> bool:
    """Tell whether a line names a stored prompt instead of giving its text."""
    if body is None or _MAY_NAME_PROMPT.search(body) is None:
        return False
    return isinstance(_fields(body).get("prompt"), dict)


def id_of(body: bytes | None) -> str:
    """Return the id of an invalid line, or "" if it cannot be read."""
    fields = _fields(body)
    found = fields.get("custom_id", fields.get("id"))
    return found[:MAX_ID_CHARACTERS] if isinstance(found, str) else ""


def _fields(body: bytes | None) -> Mapping[str, Any]:
    try:
        read = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _own(body: bytes, order: BatchOrder) -> BatchItem:
    fields = _fields(body)
    task = next((task for name, task in _TASK_FIELDS.items() if name in fields), None)
    if task is not None and "task" not in fields:
        body = json.dumps({**fields, "task": task}).encode()
    line = parsed(body, OwnLine)
    for name in _BATCH_FIELDS:
        if name in line.model_fields_set:
            raise InvalidInput(f"{name} is said of the whole batch, not of a line.", field=name)
    call = call_from_request(line)
    _require_runnable(line.code, call, order)
    given = {name: getattr(line, name) for name in _LINE_FIELDS if name in line.model_fields_set}
    terms = _terms(call, given.pop("model", order.model), order)
    if given:
        checks = dict.fromkeys((*terms.checks, *given.pop("checks", ())))
        terms = terms.model_copy(update={**given, "checks": tuple(checks)})
    keeps = line.allow_truncation
    return BatchItem(line.id, "own", call, terms, keeps_truncated=keeps, code=line.code)


def _require_runnable(code: CodeCheck | None, call: Call, order: BatchOrder) -> None:
    if code is None:
        return
    if not isinstance(call, ChatCall):
        raise InvalidInput("code goes with a chat, whose answer is run.", field="code")
    if order.service_tier == "batch":
        raise Unsupported(
            "A batch job of Bedrock runs no code; ask by service_tier standard or flex.",
            field="code",
        )


def _is_of_one_model(call: Call) -> bool:
    own_labels = isinstance(call, ClassifyCall) and bool(call.texts)
    return own_labels or isinstance(call, EmbedCall | ScoreCall | TagCall)


def _terms(call: Call, model: str, order: BatchOrder) -> Terms:
    """Return which models may answer a call.

    Vectors and scores of two models cannot be compared, and two models of texts have other labels,
    so there is no fallback for them.
    """
    checks: tuple[str, ...] = ()
    if isinstance(call, ChatCall):
        checks = order.checks
        if call.json_output is not None:
            check = "json" if call.json_output.json_schema is None else "schema"
            checks = tuple(dict.fromkeys((check, *checks)))
    return Terms(
        model=model,
        quality=order.quality,
        service_tier=order.service_tier,
        checks=checks,
        fallback=order.fallback and not _is_of_one_model(call),
    )


def _openai(body: bytes, order: BatchOrder) -> BatchItem:
    line = parsed(body, OpenAILine)
    reader = _READERS.get(line.url)
    if reader is None:
        raise Unsupported(
            f"{line.url} is not done in batches; there are {', '.join(_READERS)}.", field="url"
        )
    call, model, packs = reader(json.dumps(dict(line.body)).encode())
    return BatchItem(line.custom_id, "openai", call, _terms(call, model, order), packs)


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
PIECE_BYTES = 1024 * 1024
"""How much of a file is read at once; a longer line is read alone."""


def item_lines(
    refs: Sequence[ItemRef],
    objects: ItemObjects,
    bucket: str,
    prefix: str,
    piece_bytes: int = PIECE_BYTES,
) -> Iterator[tuple[ItemRef, bytes]]:
    """Yield each item with its line, reading items that lie close together at once.

    Args:
        refs: the items, in ascending order.
        objects: the bucket's objects.
        bucket: where the batch lies.
        prefix: the prefix of the batch's files.
        piece_bytes: the most bytes that are read at once.

    Raises:
        Transient, Throttled, NotFound: a file could not be read.
    """
    files = {
        name: _lines(
            [ref for ref in refs if _file_name(ref) == name],
            objects,
            bucket,
            prefix + name,
            piece_bytes,
        )
        for name in (storage.INPUT, storage.RENDERED)
    }
    for ref in refs:
        yield ref, next(files[_file_name(ref)])


def parse_item(ref: ItemRef, line: bytes, order: BatchOrder) -> BatchItem:
    """Return the item on the line that `ref` points to; raises like `read_item`."""
    return _parse_rendered(line) if ref.rendered else read_item(line, order)


def dump_rendered(item: BatchItem) -> bytes:
    """Return a rendered item as a line of `rendered.jsonl`, for `parse_item` to read."""
    assert item.prompt is not None, "only what was rendered is kept"
    line = RenderedLine(
        id=item.id,
        call=item.call,
        terms=item.terms,
        prompt=item.prompt,
        keeps_truncated=item.keeps_truncated,
        reasons=item.reasons,
        output_schema=item.output_schema,
    )
    return line.model_dump_json().encode()


def _parse_rendered(body: bytes) -> BatchItem:
    line = RenderedLine.model_validate_json(body)
    return BatchItem(
        line.id,
        "own",
        line.call,
        line.terms,
        keeps_truncated=line.keeps_truncated,
        prompt=line.prompt,
        reasons=line.reasons,
        output_schema=line.output_schema,
    )


def _file_name(ref: ItemRef) -> str:
    return storage.RENDERED if ref.rendered else storage.INPUT


def _lines(
    refs: Sequence[ItemRef], objects: ItemObjects, bucket: str, key: str, piece_bytes: int
) -> Iterator[bytes]:
    for piece in _pieces(refs, piece_bytes):
        start, end = piece[0].start, piece[-1].start + piece[-1].length
        body = b"".join(objects.stream(bucket, key, start, end))
        for ref in piece:
            yield body[ref.start - start : ref.start - start + ref.length]


def _pieces(refs: Sequence[ItemRef], max_bytes: int) -> Iterator[Sequence[ItemRef]]:
    """Yield runs of items that span at most `most` bytes."""
    first = 0
    for at, ref in enumerate(refs):
        if at > first and ref.start + ref.length - refs[first].start > max_bytes:
            yield refs[first:at]
            first = at
    if refs:
        yield refs[first:]
