"""The steps around a job of Amazon Transcribe, on objects in memory."""

from __future__ import annotations

import io
import itertools
import json
import wave
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import Reservation
from chalicelib.contracts.functions.transcribe_speech_job import (
    CollectSpeechRequest,
    FindSpeechRequest,
    FoundSpeech,
    ReleaseSpeechRequest,
    SpeechPiece,
)
from chalicelib.contracts.ingest import nothing_spent
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.parts import Part
from chalicelib.contracts.speech import Transcript
from chalicelib.errors import InvalidInput, ModelFailure, QuotaExceeded
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import TranscribeBackend
from chalicelib.inference.speech.mel import Samples
from chalicelib.inference.speech.voice_activity import Interval
from chalicelib.retrieval.ids import (
    job_pieces_key,
    job_sound_key,
    job_transcript_key,
    sound_key,
    speech_key,
    version_prefix,
)
from functions.transcribe_speech.speech_job import JobDeps, collect, find, release
from tests.unit.ingest.fakes import FakeObjects

PLACE = ("acme", "doc_a", "v_a")
MODEL = served_models().models["amazon-transcribe"]
NOW = datetime(2026, 12, 1, tzinfo=UTC)
RATE = 16_000


class LoudIsSpeech:
    """Takes each run of samples that are no zeros for speech."""

    def speech(self, samples: Samples) -> list[Interval]:
        edges = np.flatnonzero(np.diff(np.pad((samples != 0).astype(int), 1)))
        return [Interval(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


@dataclass
class FakeBudgets:
    """Reserves until it is told to refuse, and keeps what was settled and released."""

    refusal: QuotaExceeded | None = None
    reserved: list[tuple[Spender, int | None]] = field(default_factory=list)
    settled: list[tuple[str, int]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    id: str = ""

    def with_id(self, reservation_id: str) -> FakeBudgets:
        self.id = reservation_id
        return self

    def reserve(self, spender: Spender, model: str, most: MaxCost, seconds: int) -> Reservation:
        if self.refusal is not None:
            raise self.refusal
        self.reserved.append((spender, most.nanodollars))
        return Reservation(
            reservation_id=self.id,
            tenant=spender.tenant,
            model=model,
            nanodollars=most.nanodollars or 0,
            day=date(2026, 12, 1),
            made_at=NOW,
            expires_at=NOW + timedelta(seconds=seconds),
        )

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        self.settled.append((reservation.reservation_id, used.nanodollars))

    def release(self, reservation: Reservation) -> None:
        self.released.append(reservation.reservation_id)


@pytest.fixture
def budgets() -> FakeBudgets:
    return FakeBudgets()


@pytest.fixture
def deps(budgets: FakeBudgets) -> JobDeps:
    ticks = itertools.count()
    return JobDeps(
        FakeObjects(),
        LoudIsSpeech(),
        budgets.with_id,
        catalogue().cost,
        lambda: next(ticks) / 2,
        lambda: NOW,
        2.0,
    )


def put_sound(deps: JobDeps, *parts: list[tuple[float, float]]) -> None:
    """Write parts of ten seconds, in which somebody speaks from and to each of these seconds."""
    plan = []
    for number, spoken in enumerate(parts, 1):
        samples = np.zeros(10 * RATE, "<i2")
        for first, last in spoken:
            samples[int(first * RATE) : int(last * RATE)] = number * 100
        deps.objects.write("files", sound_key(*PLACE, number), samples.tobytes(), {})
        start, end = 10_000 * (number - 1), 10_000 * number
        plan.append(
            Part(part=number, first_page=number, pages=1, start_ms=start, end_ms=end, sound=True)
        )
    deps.objects.write("files", version_prefix(*PLACE) + "parts.jsonl", dump_lines(plan), {})


def asked(parts: int, step: str = "find") -> dict[str, object]:
    tenant, document, version = PLACE
    return {
        "tenant": tenant,
        "document_id": document,
        "version": version,
        "bucket": "files",
        "collection": "talks",
        "correlation_id": "c",
        "transcriber": MODEL.name,
        "step": step,
        "parts": parts,
    }


def finding(parts: int) -> FindSpeechRequest:
    return FindSpeechRequest.model_validate({**asked(parts), "execution": "v_a-1"})


def collecting(parts: int, found: FoundSpeech) -> CollectSpeechRequest:
    return CollectSpeechRequest.model_validate(
        {**asked(parts, "collect"), "found": found, "looks": 4, "slots": 1}
    )


def written(deps: JobDeps, part: int) -> Transcript:
    return Transcript.model_validate_json(deps.objects.read("files", speech_key(*PLACE, part)))


def test_nothing_but_speech_is_sent_and_it_is_reserved_for(
    deps: JobDeps, budgets: FakeBudgets
) -> None:
    put_sound(deps, [(1, 2), (2.1, 3), (9, 10)], [(0, 1)])
    found = find(finding(2), MODEL, deps).speech_job
    with wave.open(io.BytesIO(deps.objects.read("files", job_sound_key(*PLACE)))) as file:
        shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert shape == (1, 2, RATE)
    body = deps.objects.read("files", job_pieces_key(*PLACE))
    pieces = parse_lines(body, SpeechPiece, 4)
    assert [(p.part, p.at_ms, p.start_ms, p.duration_ms) for p in pieces] == [
        (1, 0, 1_000, 1_000),
        (1, 1_100, 2_100, 900),
        (1, 2_300, 9_000, 1_000),
        (2, 3_300, 10_000, 1_000),
    ]
    for piece in pieces:
        sound = heard[piece.at_ms * 16 : (piece.at_ms + piece.duration_ms) * 16]
        assert set(sound.tolist()) == {piece.part * 100}
    assert np.count_nonzero(heard) == sum(piece.duration_ms for piece in pieces) * 16
    assert len(heard) == 4_300 * 16
    assert found.seconds == 4.3
    assert found.reservation is not None
    assert found.reservation.reservation_id == "speech-v_a-1"
    # The least that is billed, 15 s at $0.0004.
    ((spender, reserved),) = budgets.reserved
    assert (spender.tenant, spender.collection, reserved) == ("acme", "talks", 6_000_000)


def test_a_budget_that_is_used_up_sends_nothing(deps: JobDeps, budgets: FakeBudgets) -> None:
    put_sound(deps, [(1, 2)])
    budgets.refusal = QuotaExceeded("$0 are left.")
    with pytest.raises(QuotaExceeded):
        find(finding(1), MODEL, deps)


def test_more_speech_than_a_job_takes_is_refused(deps: JobDeps, budgets: FakeBudgets) -> None:
    put_sound(deps, [(1, 9)])
    assert isinstance(MODEL.backend, TranscribeBackend)
    short = replace(MODEL, backend=replace(MODEL.backend, max_seconds=5))
    with pytest.raises(InvalidInput, match="8 s of speech, and Amazon Transcribe takes 5 s"):
        find(finding(1), short, deps)
    assert not budgets.reserved


def test_where_nobody_speaks_there_is_no_job(deps: JobDeps, budgets: FakeBudgets) -> None:
    put_sound(deps, [], [])
    result = find(finding(2), MODEL, deps)
    assert (result.speech_job.media_key, result.speech_job.reservation) == ("", None)
    assert (result.speech_job_used.nanodollars, result.speech_job_used.transitions) == (0, 2)
    assert (written(deps, 2).segments, written(deps, 2).duration_ms) == ((), 10_000)
    assert not budgets.reserved


def heard_by_job(deps: JobDeps) -> None:
    item = {
        "type": "pronunciation",
        "alternatives": [{"confidence": "0.9", "content": "Hi"}],
        "start_time": "0.25",
        "end_time": "0.5",
        "speaker_label": "spk_0",
    }
    body = {"results": {"items": [item], "language_code": "en-GB"}}
    deps.objects.write("files", job_transcript_key(*PLACE), json.dumps(body).encode(), {})


def test_what_the_job_heard_is_charged_once_and_its_sound_removed(
    deps: JobDeps, budgets: FakeBudgets
) -> None:
    put_sound(deps, [(1, 2)], [])
    found = find(finding(2), MODEL, deps).speech_job
    heard_by_job(deps)
    used = collect(collecting(2, found), MODEL, deps).speech_job_used
    assert (used.seconds, used.nanodollars, used.transitions) == (15, 6_000_000, 5 + 12 + 2)
    assert used.finding.requests == 2
    assert budgets.settled == [("speech-v_a-1", 6_000_000)]
    said = written(deps, 1)
    assert [(w.text, w.start_ms, w.speaker) for s in said.segments for w in s.words] == [
        (" Hi", 1_250, 1)
    ]
    assert (said.language, said.model, said.speakers_joined) == ("en", MODEL.name, True)
    assert written(deps, 2).segments == ()
    for key in (job_sound_key, job_pieces_key, job_transcript_key):
        assert key(*PLACE) not in deps.objects.bodies  # type: ignore[attr-defined]
    # The answer of the step was lost: it is taken again, and writes and finds the same.
    again = collect(collecting(2, found), MODEL, deps).speech_job_used
    assert (again.nanodollars, written(deps, 1)) == (used.nanodollars, said)
    # Another attempt at the ingest sends nothing.
    repeated = find(finding(2), MODEL, deps)
    assert repeated.speech_job.media_key == ""
    assert len(budgets.reserved) == 1


def test_another_attempt_keeps_what_is_reserved_until_it_expires(
    deps: JobDeps, budgets: FakeBudgets
) -> None:
    put_sound(deps, [(1, 2)])
    first = find(finding(1), MODEL, deps).speech_job
    assert find(finding(1), MODEL, deps).speech_job.reservation == first.reservation
    assert len(budgets.reserved) == 1
    later = replace(deps, utcnow=lambda: NOW + timedelta(hours=5))
    find(finding(1), MODEL, later)
    assert len(budgets.reserved) == 2


def test_transcripts_of_another_transcriber_are_made_anew(deps: JobDeps) -> None:
    put_sound(deps, [(1, 2)])
    whispers = Transcript(model="whisper-base").model_dump_json().encode()
    deps.objects.write("files", speech_key(*PLACE, 1), whispers, {})
    assert find(finding(1), MODEL, deps).speech_job.media_key


def test_a_job_that_wrote_nothing_is_a_failure(deps: JobDeps, budgets: FakeBudgets) -> None:
    put_sound(deps, [(1, 2)])
    found = find(finding(1), MODEL, deps).speech_job
    with pytest.raises(ModelFailure, match="Amazon Transcribe ended the job, and wrote no"):
        collect(collecting(1, found), MODEL, deps)
    assert not budgets.settled


def test_a_failed_job_costs_nothing(deps: JobDeps, budgets: FakeBudgets) -> None:
    put_sound(deps, [(1, 2)])
    found = find(finding(1), MODEL, deps).speech_job
    release(ReleaseSpeechRequest.model_validate({**asked(1, "release"), "found": found}), deps)
    assert budgets.released == ["speech-v_a-1"]
    assert job_sound_key(*PLACE) not in deps.objects.bodies  # type: ignore[attr-defined]
    nothing = FoundSpeech(finding=nothing_spent())
    release(ReleaseSpeechRequest.model_validate({**asked(1, "release"), "found": nothing}), deps)
    assert len(budgets.released) == 1
