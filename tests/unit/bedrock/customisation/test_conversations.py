"""The training data of a fine-tuning, and what Bedrock refuses in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from localcloud.bedrock.customisation.conversations import (
    InvalidConversations,
    check_name,
    read_conversations,
)


def turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"text": text}]}


def line(*turns: dict[str, Any], **more: Any) -> bytes:
    record = {"schemaVersion": "bedrock-conversation-2024", "messages": list(turns), **more}
    return json.dumps(record).encode() + b"\n"


GOOD = line(turn("user", "Which colour?"), turn("assistant", "Red."))


def test_conversations_are_read_with_their_system_prompt() -> None:
    said = line(turn("user", "Hi"), turn("assistant", "Hello"), system=[{"text": "Be brief."}])
    assert read_conversations(GOOD + b"\n" + said, 1, 10) == [
        [{"role": "user", "content": "Which colour?"}, {"role": "assistant", "content": "Red."}],
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
        ],
    ]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"{", "is not JSON"),
        (b'{"prompt": "a", "completion": "b"}', "has no messages"),
        (line(turn("assistant", "Hello")), "has to be of the user"),
        (line(turn("user", "a"), turn("user", "b")), "turns alternate"),
        (line(turn("user", "a")), "end with a turn of the assistant"),
        (line(turn("user", " "), turn("assistant", "b")), "has no text"),
        (line({"role": "user", "content": [{"image": {}}]}, turn("assistant", "b")), "images"),
        (line({"role": "user", "content": "a"}, turn("assistant", "b")), "list of blocks"),
        (line(turn("user", "Say User: now"), turn("assistant", "b")), "reserves"),
        (line(), "end with a turn"),
    ],
)
def test_the_line_that_is_refused_is_named(bad: bytes, says: str) -> None:
    with pytest.raises(InvalidConversations, match=re.escape(says)) as refused:
        read_conversations(GOOD + bad, 1, 10)
    assert "line 2" in str(refused.value)


@pytest.mark.parametrize("count", [7, 21])
def test_too_few_and_too_many_records_are_refused(count: int) -> None:
    with pytest.raises(InvalidConversations, match=f"{count} records"):
        read_conversations(GOOD * count, 8, 20)


def test_a_file_has_the_name_that_bedrock_reads() -> None:
    check_name("models/data/train-1.jsonl")
    with pytest.raises(InvalidConversations):
        check_name("models/my data.jsonl")
