"""Upper bounds of the tokens of texts and calls, without the model's tokenizer.

The API packs passages into a model's context, and loads no tokenizer for it. The estimate counts
the pieces into which byte-pair encoders break a text: short words whole, longer ones by three
letters, capitals by two, digits and marks one by one, other scripts by their bytes; and a fifth
more on top. Over 18 texts (prose in eight languages, code, tables, JSON, hashes, emoji) it was 1.03
to 3.0 times what SmolLM2's tokenizer counts, and 1.5 to 1.7 times for English prose and Markdown.
Others have larger vocabularies and count less.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ClassifyCall,
    EmbedCall,
    ImagePart,
    Message,
    ScoreCall,
    TagCall,
    TextPart,
    Tool,
    ToolCall,
)
from chalicelib.contracts.speech import TranscribeCall

_PIECE = re.compile(r"[a-z]+|[A-Z]+|[\t-\r\x1c-\x1f]+|[\x00-\x7f]|[^\x00-\x7f]+")
"""Only white space of ASCII makes runs: joined by a line break, texts count no more than apart."""
_WHOLE = 4
_LETTERS = 3
_CAPITALS = 2
_MARGIN = 1.2


def estimated_tokens(text: str) -> int:
    """Return an estimate of the tokens of `text` that is never too low.

    Pieces repeat, so each distinct one is counted once: a long prompt would take milliseconds
    otherwise.
    """
    pieces = Counter(_PIECE.findall(text))
    return math.ceil(_MARGIN * sum(_tokens(piece) * count for piece, count in pieces.items()))


def _tokens(piece: str) -> int:
    if not piece.isascii():
        return len(piece.encode())
    if piece.isspace():
        return 0 if piece == " " else 1 + len(piece) // 4
    if piece.islower():
        return 1 if len(piece) <= _WHOLE else math.ceil(len(piece) / _LETTERS)
    return math.ceil(len(piece) / _CAPITALS) if piece.isupper() else len(piece)


@dataclass(frozen=True, slots=True)
class TokenLoad:
    """The most tokens, images and seconds of sound that one call uses."""

    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    audio_seconds: float = 0.0


IMAGE_TOKENS = 1_600
"""Tokens of an image in a prompt: the most that Anthropic's models count for one.
https://platform.claude.com/docs/en/build-with-claude/vision
"""


_MESSAGE_TOKENS = 8
"""Tokens that a chat template puts around a message."""


_INSTRUCTION_TOKENS = 24
"""Tokens of a chat template's default instructions: SmolLM2's template tells it its name."""


def max_load(call: Call) -> tuple[TokenLoad, int]:
    """Return the most that `call` uses, and the longest context it needs, in tokens."""
    if isinstance(call, ChatCall):
        tokens = _prompt_tokens(call)
        return TokenLoad(tokens, call.max_tokens), tokens + call.max_tokens
    if isinstance(call, EmbedCall):
        counts = [estimated_tokens(text) for text in call.texts]
        return TokenLoad(sum(counts), images=len(call.images)), max(counts, default=0)
    if isinstance(call, TagCall) or (isinstance(call, ClassifyCall) and call.texts):
        # No limit of a model is exceeded: it reads the beginning of a text that is too long.
        return TokenLoad(sum(estimated_tokens(text) for text in call.texts)), 0
    if isinstance(call, ClassifyCall):
        counts = [estimated_tokens(text) for text in _said(call)]
        return TokenLoad(sum(counts), images=len(call.images)), max(counts)
    if isinstance(call, ScoreCall):
        prompt = estimated_tokens(call.prompt)
        counts = [prompt + estimated_tokens(answer) for answer in call.answers]
        return TokenLoad(sum(counts)), max(counts)
    if isinstance(call, TranscribeCall):
        return TokenLoad(audio_seconds=call.seconds), 0
    return TokenLoad(images=call.count), 0


def _said(call: ClassifyCall) -> Iterator[str]:
    for label in call.labels:
        yield from (text.replace("{}", label) for text in call.templates or ("{}",))


def has_tools(call: ChatCall) -> bool:
    """Return whether the prompt describes tools: the call's own, or earlier calls of tools."""
    return bool(call.tools) or has_called_tools(call)


def has_called_tools(call: ChatCall) -> bool:
    return any(isinstance(part, ToolCall) for message in call.messages for part in message.content)


def _prompt_tokens(call: ChatCall) -> int:
    tokens = estimated_tokens(call.system) if call.system else _INSTRUCTION_TOKENS
    for tool in call.tools:
        tokens += estimated_tokens(_described(tool))
    if call.json_output is not None and call.json_output.json_schema is not None:
        tokens += estimated_tokens(json.dumps(dict(call.json_output.json_schema)))
    return tokens + sum(_message_tokens(message) for message in call.messages)


def _described(tool: Tool) -> str:
    """Return a tool in the form in which chat templates write it."""
    fields = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    return json.dumps({"type": "function", "function": fields})


def _message_tokens(message: Message) -> int:
    tokens = _MESSAGE_TOKENS
    for part in message.content:
        if isinstance(part, ImagePart):
            tokens += IMAGE_TOKENS
        elif isinstance(part, ToolCall):
            tokens += estimated_tokens(f"{part.id} {part.name} {part.arguments}")
        elif isinstance(part, TextPart):
            tokens += estimated_tokens(part.text)
        else:
            tokens += estimated_tokens(f"{part.id} {part.text}")
    return tokens
