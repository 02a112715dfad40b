"""The training data of a job: conversations as JSON Lines, checked as Bedrock checks them.

https://docs.aws.amazon.com/nova/latest/userguide/fine-tune-prepare-data-understanding.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.generation.customisable import RESERVED_WORDS

_NAME = re.compile(r"[A-Za-z0-9_./-]+\.jsonl")


class InvalidConversations(Exception):  # noqa: N818 - named for what it tells
    """Raised for training data that Bedrock refuses; the text names the line."""


Turn = Mapping[str, str]


def check_name(key: str) -> None:
    """Raise InvalidConversations for the name of a file that Bedrock does not read."""
    if not _NAME.fullmatch(key):
        raise InvalidConversations(
            f"The key {key!r} has to end with .jsonl, of letters, digits, _, -, / and dots."
        )


def read_conversations(content: bytes, least: int, most: int) -> list[list[Turn]]:
    """Return the turns, role and content, of each line.

    Raises:
        InvalidConversations: a line is no conversation, or there are too few or too many.
    """
    found = [_turns(line, number) for number, line in _lines(content)]
    if not least <= len(found) <= most:
        raise InvalidConversations(
            f"The data has {len(found)} records; a job has {least} to {most}."
        )
    return found


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield number, line


def _turns(line: bytes, number: int) -> list[Turn]:
    where = f"line {number}"
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidConversations(f"{where} is not JSON.") from error
    if not isinstance(record, dict) or not isinstance(record.get("messages"), list):
        raise InvalidConversations(
            f"{where} has no messages; a record is of the form bedrock-conversation-2024."
        )
    system = _texts(record.get("system", []), f"{where}, system")
    turns: list[Turn] = [{"role": "system", "content": system}] if system else []
    for position, message in enumerate(record["messages"]):
        turns.append(_turn(message, position, where))
    if len(turns) < 1 + bool(system) or turns[-1]["role"] != "assistant":
        raise InvalidConversations(f"{where} has to end with a turn of the assistant.")
    for turn in turns:
        if turn["role"] != "assistant":
            _check_reserved(turn["content"], where)
    return turns


def _turn(message: Any, position: int, where: str) -> Turn:
    wanted = ("user", "assistant")[position % 2]
    if not isinstance(message, dict) or message.get("role") != wanted:
        raise InvalidConversations(
            f"{where}, message {position + 1} has to be of the {wanted}: turns alternate, and the"
            " user begins."
        )
    text = _texts(message.get("content"), f"{where}, message {position + 1}")
    if not text:
        raise InvalidConversations(f"{where}, message {position + 1} has no text.")
    return {"role": wanted, "content": text}


def _texts(blocks: Any, where: str) -> str:
    if not isinstance(blocks, list):
        raise InvalidConversations(f"{where} has to be a list of blocks.")
    texts = []
    for block in blocks:
        if not isinstance(block, dict) or not isinstance(block.get("text"), str):
            raise InvalidConversations(f"{where} has a block without text; images are not read.")
        texts.append(block["text"])
    return "\n".join(texts).strip()


def _check_reserved(text: str, where: str) -> None:
    for word in RESERVED_WORDS:
        if word in text:
            raise InvalidConversations(
                f"{where} has {word!r}, which Bedrock reserves; put another word in its place."
            )
