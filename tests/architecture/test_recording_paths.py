"""The path of a recording: decoded, transcribed in parts, and gathered with its times."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.adapters import aws
from chalicelib.contracts.base import Contract
from chalicelib.contracts.ingest import Chunk, ChunkRequest
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.outlines import Outline
from chalicelib.contracts.page_times import PageTimes
from chalicelib.contracts.parts import NO_SPEECH, Part, ReadPartRequest
from chalicelib.contracts.picture_labels import Label
from chalicelib.contracts.shots import (
    FilmShot,
    FindShotsRequest,
    FindShotsResult,
    FrameLabels,
    FrameText,
    LabelFramesRequest,
    LabelFramesResult,
    ReadFramesRequest,
    ReadFramesResult,
)
from chalicelib.contracts.speech import PartSpeaker, SpeechSegment, SpokenWord, Transcript
from chalicelib.ingest.receipts import large_transitions
from chalicelib.retrieval.ids import (
    captions_key,
    chunks_key,
    outline_key,
    screen_key,
    seen_key,
    shots_key,
    speech_key,
    times_key,
    version_prefix,
)
from functions.chunk_document import core as chunking
from functions.read_document import core as reading
from functions.read_media.call_sound import DECODING
from functions.transcribe_speech.core import CALL_DEADLINE_S, PART_DEADLINE_S
from tests.architecture.ingest_definition import ROOT
from tests.architecture.ingest_world import Answer, IngestWorld, Raises, more_steps
from tests.architecture.templates import plain
from tests.architecture.test_ingest_paths import announced, document, version
from tests.architecture.test_large_paths import LARGE, ONCE, SPENT, Large
from tests.unit.ingest.examples import BUCKET

RECORDING = [*LARGE[:2], "ReadMedia", *LARGE[2:]]
PART_MS = 300_000


def _transcript(start_ms: int) -> Transcript:
    """Return three words; the voice of the first words of the recording is heard last later on."""
    speakers = (1, 1, 1) if start_ms == 0 else (1, 1, 2)
    words = tuple(
        SpokenWord(
            text=f" word{at}.",
            start_ms=start_ms + 1_000 * at,
            end_ms=start_ms + 1_000 * at + 500,
            probability=0.8,
            speaker=speaker,
        )
        for at, speaker in enumerate(speakers)
    )
    text = "".join(word.text for word in words).strip()
    segment = SpeechSegment(
        start_ms=start_ms, end_ms=start_ms + 2_500, text=text, words=words, speaker=1
    )
    first, other = (1.0, *(0.0,) * 255), (0.0, 1.0, *(0.0,) * 254)
    voices = (first,) if start_ms == 0 else (other, first)
    heard = tuple(PartSpeaker(number=n, pieces=3, voice=each) for n, each in enumerate(voices, 1))
    return Transcript(language="en", segments=(segment,), speakers=heard)


class Recording(Large):
    """A recording of two parts with sound, and a third without."""

    silent = False

    def write_plan(self, recognise: tuple[int, ...] = ()) -> None:
        """Leave the plan to `read_media`."""
        answers = self.world.script.answers
        answers["read_media"] = [self.plan]
        answers["transcribe_speech"] = [self.transcribe]

    def plan(self, payload: dict[str, Any]) -> Answer:
        parts = [
            Part(
                part=number,
                first_page=number,
                pages=1,
                start_ms=PART_MS * (number - 1),
                end_ms=PART_MS * number,
                sound=number < 3,
                description="a.mkv is a film of 15 minutes." if number == 1 else "",
            )
            for number in (1, 2, 3)
        ]
        key = version_prefix(*self.place) + "parts.jsonl"
        self.objects.write(BUCKET, key, dump_lines(parts), {"lines": "3"})
        return {
            "media_type": "video/x-matroska",
            "duration_ms": 3 * PART_MS,
            "parts": 3,
            "pages": 3,
            "notices": [*payload["notices"], "Of 2 sounds in the file the first was transcribed."],
            "decoding": SPENT,
        }

    def transcribe(self, payload: dict[str, Any]) -> Answer:
        spoken = Transcript() if self.silent else _transcript(payload["start_ms"])
        body = spoken.model_dump_json().encode()
        self.objects.write(BUCKET, speech_key(*self.place, payload["part"]), body, {})
        return {"transcribing": SPENT}

    def read_part(self, payload: dict[str, Any]) -> Answer:
        deps = reading.Deps(self.objects, lambda _: NotImplemented, 1, lambda: 0.0, 1.0)
        asked = ReadPartRequest.model_validate(payload)
        return reading.run_part(asked, deps).model_dump(mode="json")

    def chunk_part(self, payload: dict[str, Any]) -> Answer:
        deps = chunking.Deps(self.objects, lambda text: len(text.split()), 40, lambda: 0.0, 1.0)
        asked = ChunkRequest.model_validate(payload)
        return chunking.run(asked, deps).model_dump(mode="json")


class Film(Recording):
    """A film in one part without sound, on two of whose frames something is read and seen."""

    def plan(self, payload: dict[str, Any]) -> Answer:
        if "part" in payload:
            request = FindShotsRequest.model_validate(payload)
            shots = [
                FilmShot(start_ms=request.start_ms, end_ms=400, frame=1),
                FilmShot(start_ms=400, end_ms=request.end_ms, frame=2),
            ]
            self._write(shots_key(*self.place, 1), shots)
            return FindShotsResult(shots=2, frames=2, decoding=ONCE).model_dump(mode="json")
        part = Part(
            part=1, first_page=1, pages=2, end_ms=900, film=True, description="a.mkv is a film."
        )
        self._write(version_prefix(*self.place) + "parts.jsonl", [part])
        facts = {"media_type": "video/mp4", "duration_ms": 900, "parts": 1, "pages": 2}
        return {**facts, "notices": [], "decoding": SPENT}

    def read_frames(self, payload: dict[str, Any]) -> Answer:
        request = ReadFramesRequest.model_validate(payload)
        lines = [FrameText(frame=1, text="Welcome aboard"), FrameText(frame=2)][: request.first]
        self._write(screen_key(*self.place, 1), lines)
        result = ReadFramesResult(first=request.first + 1, recognising=ONCE)
        return result.model_dump(mode="json")

    def label_frames(self, payload: dict[str, Any]) -> Answer:
        request = LabelFramesRequest.model_validate(payload)
        labels = (Label(name="lighthouse", share=0.9),)
        lines = [FrameLabels(frame=n + 1, labels=labels) for n in range(request.frames)]
        self._write(seen_key(*self.place, 1), lines)
        return LabelFramesResult(labelling=ONCE).model_dump(mode="json")

    def _write(self, key: str, lines: Sequence[Contract]) -> None:
        self.objects.write(BUCKET, key, dump_lines(lines), {"lines": str(len(lines))})


@pytest.fixture
def recording(world: IngestWorld) -> Iterator[Recording]:
    """Return a recording, whose parts are in moto's S3."""
    with mock_aws():
        found = Recording(world, world.claim())
        media = more_steps(media=True, media_type="video/x-matroska", pages=1, pages_needing_ocr=0)
        world.script.answers["read_document"] = [media, found.read_part]
        yield found


def test_a_recording_is_transcribed_in_parts_and_keeps_its_times(
    world: IngestWorld, recording: Recording
) -> None:
    assert world.run(recording.asked) == ("SUCCEEDED", RECORDING)

    shown = document(world, recording.asked)
    assert (shown.status, shown.media_type) == ("ready", "video/x-matroska")
    assert (shown.pages, shown.chunks, shown.language) == (3, 3, "en")
    assert shown.notices == (
        "A table was cut.",
        "Of 2 sounds in the file the first was transcribed.",
    )
    times = parse_lines(recording.objects.read(BUCKET, times_key(*recording.place)), PageTimes, 3)
    assert [[span.speaker for span in page.spans] for page in times] == [[1, 1, 1], [2, 2, 1], []]
    chunks = parse_lines(recording.objects.read(BUCKET, chunks_key(*recording.place)), Chunk, 3)
    assert [(chunk.n, chunk.start_ms, chunk.end_ms) for chunk in chunks] == [
        (0, 0, PART_MS),
        (1, 0, 2_500),
        (2, PART_MS, PART_MS + 2_500),
    ]
    captions = recording.objects.read(BUCKET, captions_key(*recording.place, "vtt")).decode()
    assert captions.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert "00:05:00.000 --> 00:05:01.500\n<v Speaker 2>word0. word1." in captions
    assert "00:05:02.000 --> 00:05:02.500\n<v Speaker 1>word2." in captions
    assert [[point.speaker for point in chunk.timeline] for chunk in chunks[1:]] == [
        [1, 1, 1],
        [2, 2, 1],
    ]
    transcript = recording.objects.read(BUCKET, captions_key(*recording.place, "txt")).decode()
    assert transcript.splitlines()[1] == "[00:05:00–00:05:02] Speaker 2: word0. word1. word2."  # noqa: RUF001
    told = Outline.model_validate_json(
        recording.objects.read(BUCKET, outline_key(*recording.place))
    )
    assert (told.speakers, len(told.chapters)) == (2, 1)
    chapters = recording.objects.read(BUCKET, captions_key(*recording.place, "chapters")).decode()
    assert chapters == "WEBVTT\n\n00:00:00.000 --> 00:05:02.500\n" + told.chapters[0].title + "\n"
    assert version(world, recording.asked).status == "ready"
    assert announced(world) == ["document.ready"]


def test_the_receipt_of_a_recording_has_its_decoding_and_its_transcription(
    world: IngestWorld, recording: Recording
) -> None:
    _, states = world.run(recording.asked)

    receipt = document(world, recording.asked).receipt
    assert receipt is not None
    lines = {line.role: line for line in receipt.lines}
    assert receipt.transitions == len(states) + 4 == large_transitions(3, 1, recording=True)
    assert (lines["decoding"].seconds, lines["transcribing"].seconds) == (0.5, 1.0)
    assert lines["transcribing"].model == "whisper-base"


def test_a_recording_without_speech_is_ready_and_says_so(
    world: IngestWorld, recording: Recording
) -> None:
    recording.silent = True

    assert world.run(recording.asked)[0] == "SUCCEEDED"

    shown = document(world, recording.asked)
    assert (shown.status, shown.chunks) == ("ready", 1)
    assert NO_SPEECH in shown.notices


def test_a_film_is_looked_at_frame_by_frame(world: IngestWorld) -> None:
    with mock_aws():
        film = Film(world, world.claim())
        answers = world.script.answers
        answers["read_document"] = [more_steps(media=True, pages=1), film.read_part]
        answers["recognise_pages"] = [film.read_frames]
        answers["label_picture"] = [film.label_frames]

        assert world.run(film.asked) == ("SUCCEEDED", RECORDING)

        chunks = parse_lines(film.objects.read(BUCKET, chunks_key(*film.place)), Chunk, 4)
    assert [(chunk.page, chunk.text, chunk.start_ms, chunk.end_ms) for chunk in chunks] == [
        (1, "a.mkv is a film.", 0, 900),
        (2, "Seen: lighthouse", 0, 400),
        (2, "Welcome aboard", 0, 400),
        (2, "Seen: lighthouse", 400, 900),
    ]
    shown = document(world, film.asked)
    assert (shown.pages, shown.chunks, NO_SPEECH in shown.notices) == (2, 4, True)
    assert shown.receipt is not None
    lines = {line.role: line for line in shown.receipt.lines}
    assert (lines["decoding"].seconds, lines["recognising"].seconds) == (1.0, 1.0)
    assert lines["labelling"].seconds == 0.5


def test_a_recording_that_cannot_be_decoded_is_rejected(
    world: IngestWorld, recording: Recording
) -> None:
    world.script.answers["read_media"] = [Raises("InvalidInput", "It is cut off.")]

    world.run(recording.asked)

    shown = document(world, recording.asked)
    assert (shown.status, shown.reason) == ("rejected", "It is cut off.")
    assert announced(world) == ["document.rejected"]


def test_speech_is_given_up_before_lambda_step_functions_or_a_caller_stop_waiting() -> None:
    machine = json.loads((ROOT / "statemachines" / "ingest.asl.json").read_text())
    states = machine["States"]["ReadParts"]["ItemProcessor"]["States"]
    timeout = plain("prod")["Resources"]["TranscribeSpeech"]["Properties"]["Timeout"]

    assert PART_DEADLINE_S + 10 <= timeout < states["TranscribePart"]["TimeoutSeconds"]
    # The caller's wait includes a start of the function and the step in which it gives up.
    assert timeout >= CALL_DEADLINE_S + 10
    assert DECODING.wall_seconds + 5 <= aws.DECODING_WAIT_S
