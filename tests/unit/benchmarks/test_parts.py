from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.embedding import texts_of
from benchmarks.small_documents import KINDS, markdown
from benchmarks.upload import states_of
from chalicelib.inference.tokenizers import SentenceTokenizer

START = datetime(2026, 5, 4, tzinfo=UTC)


def event(kind: str, milliseconds: int, name: str = "") -> dict[str, Any]:
    side = {"entered": "stateEnteredEventDetails", "exited": "stateExitedEventDetails"}
    details = {field: {"name": name} for word, field in side.items() if word in kind.lower()}
    return {"type": kind, "timestamp": START + timedelta(milliseconds=milliseconds), **details}


def test_a_states_time_should_run_from_its_entry_to_its_exit() -> None:
    history = [
        event("ExecutionStarted", 0),
        event("TaskStateEntered", 10, "Read"),
        event("TaskStateExited", 60, "Read"),
        event("TaskStateEntered", 61, "MarkReady"),
        event("TaskStateExited", 81, "MarkReady"),
    ]
    started, states, marked = states_of(history)
    assert started == START.timestamp()
    assert marked - started == pytest.approx(0.081, abs=1e-5)
    assert states == {
        "state Read": pytest.approx(0.05, abs=1e-5),
        "state MarkReady": pytest.approx(0.02, abs=1e-5),
    }


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_every_small_document_should_differ(make: Callable[[int], bytes]) -> None:
    assert make(1) != make(2)


class Words(SentenceTokenizer):
    """A token a word, and the two special ones."""

    def __init__(self) -> None:
        """Need no file."""

    def spans(self, text: str) -> list[tuple[int, int]]:
        found, start = [], 0
        for word in text.split():
            start = text.index(word, start)
            found.append((start, start + len(word)))
            start += len(word)
        return found

    def count(self, text: str) -> int:
        return len(text.split()) + 2


def test_passages_should_have_exactly_the_tokens_that_were_asked_for() -> None:
    prose = markdown(7).decode() * 20
    found = texts_of(32, Words(), prose)
    assert len(found) == 32
    assert {len(text.split()) for text in found} == {30}
