"""The content blocks of a conversation, as the text that the local model reads.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.errors import AwsError

CALL_OPENS, CALL_CLOSES = "<tool_call>", "</tool_call>"
_CONTROL = "<|im_"
_INSTEAD = {
    "image": "a model on AWS that sees images, such as amazon.nova-lite-v1:0",
    "document": "its text in a text block",
    "video": "a model on AWS",
    "audio": "its words in a text block",
}


def invalid(message: str) -> AwsError:
    """Return a ValidationException."""
    return AwsError("ValidationException", message)


def plain(text: str) -> str:
    """Return `text` so that it ends no turn: the template's own marks are one token each."""
    return text.replace(_CONTROL, "<| im_")


def text_of(block: Mapping[str, Any], path: str) -> str:
    """Return what the local model reads for a block. Raises ValidationException.

    `path` says where the block stands.
    """
    kinds = sorted(block)
    if len(kinds) != 1 or kinds[0] not in _READ:
        found = ", ".join(kinds) or "nothing"
        instead = _INSTEAD.get(found)
        way = f" Give {instead} instead." if instead else ""
        raise invalid(f"The local model reads text only; {path} has {found}.{way}")
    text = _READ[kinds[0]](block[kinds[0]], path)
    if not text.strip():
        raise invalid(
            f"The text field in the ContentBlock object at {path} is blank."
            " Add text to the text field, and try again."
        )
    return plain(text)


def _written(text: Any, path: str) -> str:
    return str(text)


def _guarded(content: Mapping[str, Any], path: str) -> str:
    if "text" not in content:
        raise invalid(f"The local model reads text only; {path} has guardContent with an image.")
    return str(content["text"]["text"])


def _called(use: Mapping[str, Any], path: str) -> str:
    call = {"name": use["name"], "arguments": use["input"]}
    return f"{CALL_OPENS}{json.dumps(call, ensure_ascii=False)}{CALL_CLOSES}"


def _answered(result: Mapping[str, Any], path: str) -> str:
    parts: list[str] = []
    for place, part in enumerate(result["content"]):
        if "json" in part:
            parts.append(json.dumps(part["json"], ensure_ascii=False))
        else:
            parts.append(text_of(part, f"{path}.toolResult.content.{place}"))
    failed = " failed" if result.get("status") == "error" else ""
    return f"The tool{failed} answered: {' '.join(parts) or 'nothing'}"


_READ: Mapping[str, Callable[[Any, str], str]] = {
    "text": _written,
    "guardContent": _guarded,
    "toolUse": _called,
    "toolResult": _answered,
}
