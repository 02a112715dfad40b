"""Content blocks of a conversation as the text that the local model reads.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.errors import AwsError

CALL_START, CALL_END = "<tool_call>", "</tool_call>"
_CONTROL = "<|im_"
_ALTERNATIVES = {
    "image": "a model on AWS that sees images, such as amazon.nova-lite-v1:0",
    "document": "its text in a text block",
    "video": "a model on AWS",
    "audio": "its words in a text block",
}


def validation_error(message: str) -> AwsError:
    """Return a ValidationException."""
    return AwsError("ValidationException", message)


def escape_control_tokens(text: str) -> str:
    """Return `text` with the control tokens of the chat template broken up.

    Otherwise a text could end its turn, as the template's marks are single tokens.
    """
    return text.replace(_CONTROL, "<| im_")


def block_text(block: Mapping[str, Any], path: str) -> str:
    """Return the text that the local model reads for a content block.

    Raises ValidationException, naming `path`, for a block that is blank or not text.
    """
    kinds = sorted(block)
    if len(kinds) != 1 or kinds[0] not in _TEXT_OF_BLOCK:
        kind = ", ".join(kinds) or "nothing"
        alternative = _ALTERNATIVES.get(kind)
        hint = f" Give {alternative} instead." if alternative else ""
        raise validation_error(f"The local model reads text only; {path} has {kind}.{hint}")
    text = _TEXT_OF_BLOCK[kinds[0]](block[kinds[0]], path)
    if not text.strip():
        raise validation_error(
            f"The text field in the ContentBlock object at {path} is blank."
            " Add text to the text field, and try again."
        )
    return escape_control_tokens(text)


def _text(text: Any, path: str) -> str:
    return str(text)


def _guard_content(content: Mapping[str, Any], path: str) -> str:
    if "text" not in content:
        raise validation_error(
            f"The local model reads text only; {path} has guardContent with an image."
        )
    return str(content["text"]["text"])


def _tool_use(use: Mapping[str, Any], path: str) -> str:
    call = {"name": use["name"], "arguments": use["input"]}
    return f"{CALL_START}{json.dumps(call, ensure_ascii=False)}{CALL_END}"


def _tool_result(result: Mapping[str, Any], path: str) -> str:
    parts: list[str] = []
    for position, part in enumerate(result["content"]):
        if "json" in part:
            parts.append(json.dumps(part["json"], ensure_ascii=False))
        else:
            parts.append(block_text(part, f"{path}.toolResult.content.{position}"))
    failed = " failed" if result.get("status") == "error" else ""
    return f"The tool{failed} answered: {' '.join(parts) or 'nothing'}"


_TEXT_OF_BLOCK: Mapping[str, Callable[[Any, str], str]] = {
    "text": _text,
    "guardContent": _guard_content,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
}
