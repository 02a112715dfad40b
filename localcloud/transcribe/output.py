"""The output of a job, as Amazon Transcribe writes it. Pure.

https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html#how-output
https://docs.aws.amazon.com/transcribe/latest/dg/diarization-output-batch.html
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MARKS = re.compile(r"^(?P<word>.*?)(?P<mark>[.,?!;:。，、？！])?$", re.DOTALL)  # noqa: RUF001
_DIGITS = 3
_PAUSE_S = 2.0
"""A silence at which a segment of audio ends."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word with the punctuation behind it, its times in seconds, and its speaker from 0."""

    text: str
    start: float
    end: float
    confidence: float
    speaker: int | None = None


def output_document(
    job: str, account: str, words: Sequence[HeardWord], told: Mapping[str, Any], local: object
) -> dict[str, Any]:
    """Return the document of a job.

    `told` are members of the results that depend on its settings: the language, and those that
    were identified. `local` names the model that answered, which AWS's own document lacks.
    """
    items = list(_items(words))
    results: dict[str, Any] = {**told, "transcripts": [{"transcript": _text(items)}]}
    if any(word.speaker is not None for word in words):
        results["speaker_labels"] = _speaker_labels(words)
    results["items"] = items
    results["audio_segments"] = list(_audio_segments(items))
    return {
        "jobName": job,
        "accountId": account,
        "status": "COMPLETED",
        "results": results,
        "localModel": local,
    }


def _items(words: Sequence[HeardWord]) -> Iterator[dict[str, Any]]:
    numbers = itertools.count()
    for word in words:
        found = _MARKS.match(word.text.strip())
        text, mark = (found["word"], found["mark"]) if found else (word.text.strip(), None)
        label = {} if word.speaker is None else {"speaker_label": _label(word.speaker)}
        if text:
            yield {
                "id": next(numbers),
                "type": "pronunciation",
                "alternatives": [{"confidence": _number(word.confidence), "content": text}],
                "start_time": _number(word.start),
                "end_time": _number(word.end),
                **label,
            }
        if mark:
            yield {
                "id": next(numbers),
                "type": "punctuation",
                "alternatives": [{"confidence": "0.0", "content": mark}],
                **label,
            }


def _text(items: Sequence[Mapping[str, Any]]) -> str:
    text = ""
    for item in items:
        space = " " if text and item["type"] == "pronunciation" else ""
        text += space + item["alternatives"][0]["content"]
    return text


def _speaker_labels(words: Sequence[HeardWord]) -> dict[str, Any]:
    spoken = [word for word in words if word.speaker is not None]
    segments = []
    for speaker, group in itertools.groupby(spoken, key=lambda word: word.speaker or 0):
        label, turn = _label(speaker), list(group)
        items = [
            {
                "speaker_label": label,
                "start_time": _number(word.start),
                "end_time": _number(word.end),
            }
            for word in turn
        ]
        segments.append(
            {
                "start_time": _number(turn[0].start),
                "end_time": _number(turn[-1].end),
                "speaker_label": label,
                "items": items,
            }
        )
    speakers = len({word.speaker for word in spoken})
    return {"segments": segments, "channel_label": "ch_0", "speakers": speakers}


def _audio_segments(items: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield turns of a speaker, which also end at a longer silence."""
    group: list[Mapping[str, Any]] = []
    numbers = itertools.count()
    for item in items:
        before = next((each for each in reversed(group) if "end_time" in each), None)
        if before is not None and item["type"] == "pronunciation" and _is_apart(before, item):
            yield _audio_segment(next(numbers), group)
            group = []
        group.append(item)
    if group:
        yield _audio_segment(next(numbers), group)


def _is_apart(before: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    if before.get("speaker_label") != item.get("speaker_label"):
        return True
    return float(item["start_time"]) - float(before["end_time"]) >= _PAUSE_S


def _audio_segment(number: int, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    timed = [item for item in items if "start_time" in item] or [
        {"start_time": "0.0", "end_time": "0.0"}
    ]
    label = items[0].get("speaker_label")
    return {
        "id": number,
        "transcript": _text(items),
        "start_time": timed[0]["start_time"],
        "end_time": timed[-1]["end_time"],
        **({} if label is None else {"speaker_label": label}),
        "items": [item["id"] for item in items],
    }


def _label(speaker: int) -> str:
    return f"spk_{speaker}"


def _number(value: float) -> str:
    """Return a number as AWS writes it, a text: `0.0`, `12.345`."""
    return repr(round(float(value), _DIGITS))
