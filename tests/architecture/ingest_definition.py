"""The definition of the `ingest` state machine as tests need it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.synthesis.state_machines import read_definition

ROOT = Path(__file__).parents[2]
FILE = ROOT / "statemachines" / "ingest.asl.json"
ROLE = "arn:aws:iam::000000000000:role/ingest"

_LAMBDA = "arn:aws:lambda:us-east-1:000000000000:function:"
_NAMES = (
    *("read_document", "read_media", "transcribe_speech", "recognise_pages", "label_picture"),
    "embed_image",
    *("chunk_document", "embed_chunks", "gather_parts"),
)
FUNCTIONS = {name: _LAMBDA + name for name in _NAMES}


def definition_text(file: Path) -> str:
    """Return the expanded definition of a state machine as JSON."""
    return json.dumps(read_definition(file))


def definition(table: str) -> str:
    """Return the definition with its substitutions made."""
    values = {
        "ReadDocumentArn": FUNCTIONS["read_document"],
        "ChunkDocumentArn": FUNCTIONS["chunk_document"],
        "EmbedChunksArn": FUNCTIONS["embed_chunks"],
        "ReadMediaArn": FUNCTIONS["read_media"],
        "TranscribeSpeechArn": FUNCTIONS["transcribe_speech"],
        "RecognisePagesArn": FUNCTIONS["recognise_pages"],
        "LabelPictureArn": FUNCTIONS["label_picture"],
        "EmbedImageArn": FUNCTIONS["embed_image"],
        "GatherPartsArn": FUNCTIONS["gather_parts"],
        "PartConcurrency": "4",
        "TranscriptionPollSeconds": "600",
        "Stage": "test",
        "RecordsTable": table,
        "EventBus": "headrace-test",
    }
    return re.sub(r"\$\{(\w+)\}", lambda found: values[found.group(1)], definition_text(FILE))


def machine() -> dict[str, Any]:
    """Return the definition as it is written."""
    found: dict[str, Any] = read_definition(FILE)
    return found


def targets(state: dict[str, Any]) -> Iterator[str]:
    """Yield the states that may follow `state`."""
    if "Next" in state:
        yield state["Next"]
    if "Default" in state:
        yield state["Default"]
    for follower in (*state.get("Catch", ()), *state.get("Choices", ())):
        yield follower["Next"]
