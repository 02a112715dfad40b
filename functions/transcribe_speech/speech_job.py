"""The steps around a job of Amazon Transcribe: find speech and pay, collect, release."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import Reservation
from chalicelib.contracts.functions.transcribe_speech_job import (
    CollectSpeechRequest,
    CollectSpeechResult,
    FindSpeechRequest,
    FindSpeechResult,
    FoundSpeech,
    ReleaseSpeechRequest,
    SpeechPiece,
)
from chalicelib.contracts.ingest import spent, spent_together
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.parts import SpeechJobUsage
from chalicelib.contracts.speech import Transcript
from chalicelib.errors import InvalidInput, ModelFailure, NotFound
from chalicelib.generation.models import TranscribeBackend
from chalicelib.generation.pricing import AUDIO_SECOND, billed_seconds
from chalicelib.retrieval.ids import (
    job_pieces_key,
    job_reservation_key,
    job_sound_key,
    job_transcript_key,
    speech_key,
)
from functions.transcribe_speech.job_sound import (
    duration_ms,
    sound_parts,
    speech_pieces,
    wav_file,
)
from functions.transcribe_speech.job_transcript import part_transcripts

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects
    from chalicelib.contracts.parts import Part
    from chalicelib.generation.models import ServedModel
    from functions.transcribe_speech.job_sound import SpeechDetector

MAX_JOB_SECONDS = 15_300
"""Seconds that a reservation for a job holds: the four hours of its wait, and a margin."""
LOOK_TRANSITIONS = 3
"""States of a look at a job: wait, look, decide."""
SLOT_TRANSITIONS = 2
"""States of a wait until the account may run another job: wait, start."""
JOB_TRANSITIONS = 5
"""States beside the looks: find, decide, start, collect, delete."""
FIND_TRANSITIONS = 2
"""States where there is nothing to send: find, decide."""


class JobBudgets(Protocol):
    """The budgets that a job is paid from, as `TenantBudgets` are."""

    def reserve(self, spender: Spender, model: str, most: MaxCost, seconds: int) -> Reservation:
        """Reserve the most that a job can cost. Raises `QuotaExceeded` or `Throttled`."""

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Charge what was used; idempotent."""

    def release(self, reservation: Reservation) -> None:
        """Give a whole reservation back; idempotent."""


@dataclass(frozen=True, slots=True)
class JobDeps:
    """Collaborators of the steps around a job.

    `budgets` are made for the id of a reservation, by which a repeated step finds it; `cost`
    returns the price of so many of a unit in nano-dollars, and `clock` seconds from any start.
    """

    objects: LargeObjects
    detector: SpeechDetector
    budgets: Callable[[str], JobBudgets]
    cost: Callable[[str, float], int]
    clock: Callable[[], float]
    utcnow: Callable[[], datetime]
    memory_gb: float


def find(request: FindSpeechRequest, model: ServedModel, deps: JobDeps) -> FindSpeechResult:
    """Write the speech of a recording as one WAV file, and reserve what its job costs.

    Where nobody speaks, or the parts were transcribed by this model before, there is no job.

    Raises:
        QuotaExceeded, Throttled: a budget or a rate has not enough left.
        InvalidInput: there is more speech than a job takes.
        ModelFailure: the detector of speech failed.
    """
    began = deps.clock()
    parts = sound_parts(request, deps.objects)
    found = FoundSpeech(finding=spent(0.0, deps.memory_gb))
    if not _is_transcribed(request, parts, deps.objects):
        pieces = list(speech_pieces(request, parts, deps.detector, deps.objects))
        if pieces:
            found = _job(request, model, pieces, parts, deps)
        else:
            _write_transcripts(request, [Transcript() for _ in parts], parts, deps.objects)
    found = found.model_copy(update={"finding": spent(deps.clock() - began, deps.memory_gb)})
    used = SpeechJobUsage(
        model=request.transcriber, transitions=FIND_TRANSITIONS, finding=found.finding
    )
    return FindSpeechResult(speech_job=found, speech_job_used=used)


def _job(
    request: FindSpeechRequest,
    model: ServedModel,
    pieces: Sequence[SpeechPiece],
    parts: Sequence[Part],
    deps: JobDeps,
) -> FoundSpeech:
    place = (request.tenant, request.document_id, request.version)
    seconds = duration_ms(pieces) / 1_000
    _require_length(model, seconds)
    reservation = _reserved(request, model, seconds, deps)
    sound = wav_file(request, pieces, parts, deps.objects)
    deps.objects.upload(request.bucket, job_sound_key(*place), sound, {})
    lines = {"lines": str(len(pieces))}
    deps.objects.write(request.bucket, job_pieces_key(*place), dump_lines(pieces), lines)
    return FoundSpeech(
        media_key=job_sound_key(*place),
        output_key=job_transcript_key(*place),
        seconds=seconds,
        reservation=reservation,
        finding=spent(0.0, deps.memory_gb),
    )


def _require_length(model: ServedModel, seconds: float) -> None:
    limit = _backend(model).max_seconds
    if seconds > limit:
        raise InvalidInput(
            f"The recording has {seconds:.0f} s of speech, and {model.title} takes {limit} s."
            " Upload it in pieces, or have Whisper transcribe its collection.",
            field="file",
            limit=f"{limit} s",
        )


def _reserved(
    request: FindSpeechRequest, model: ServedModel, seconds: float, deps: JobDeps
) -> Reservation:
    """Return what is reserved for a job: by an earlier attempt, whose job may run, or now."""
    key = job_reservation_key(request.tenant, request.document_id, request.version)
    before = _reserved_before(request.bucket, key, deps.objects)
    if before is not None and before.expires_at > deps.utcnow():
        return before
    spender = Spender(
        request.tenant, collection=request.collection, correlation_id=request.correlation_id
    )
    most = MaxCost(_price(model, seconds, deps)[1], 0)
    budgets = deps.budgets(f"speech-{request.execution}")
    reservation = budgets.reserve(spender, model.name, most, MAX_JOB_SECONDS)
    deps.objects.write(request.bucket, key, reservation.model_dump_json().encode(), {})
    return reservation


def _reserved_before(bucket: str, key: str, objects: LargeObjects) -> Reservation | None:
    try:
        return Reservation.model_validate_json(objects.read(bucket, key))
    except NotFound:
        return None


def collect(
    request: CollectSpeechRequest, model: ServedModel, deps: JobDeps
) -> CollectSpeechResult:
    """Write what a job heard as the transcripts of the parts, and pay for it.

    Raises:
        ModelFailure: the job's transcript is not there, or is none.
    """
    began = deps.clock()
    parts = sound_parts(request, deps.objects)
    # A step whose answer was lost has written all, and has removed what it read.
    if not _is_transcribed(request, parts, deps.objects):
        transcripts = _heard(request, model, parts, deps.objects)
        _write_transcripts(request, transcripts, parts, deps.objects)
    seconds, nanodollars = _price(model, request.found.seconds, deps)
    if request.found.reservation is not None:
        budgets = deps.budgets(request.found.reservation.reservation_id)
        budgets.settle(request.found.reservation, ActualCost(nanodollars))
    _remove_sound(request, deps.objects)
    finding = spent_together([request.found.finding, spent(deps.clock() - began, deps.memory_gb)])
    used = SpeechJobUsage(
        model=model.name,
        seconds=seconds,
        nanodollars=nanodollars,
        transitions=(
            JOB_TRANSITIONS + LOOK_TRANSITIONS * request.looks + SLOT_TRANSITIONS * request.slots
        ),
        finding=finding,
    )
    return CollectSpeechResult(speech_job_used=used)


def _heard(
    request: CollectSpeechRequest,
    model: ServedModel,
    parts: Sequence[Part],
    objects: LargeObjects,
) -> list[Transcript]:
    """Return the transcripts of the parts, of the output of their job."""
    place = (request.tenant, request.document_id, request.version)
    key = job_pieces_key(*place)
    count = int(objects.metadata(request.bucket, key)["lines"])
    pieces = parse_lines(objects.read(request.bucket, key), SpeechPiece, count)
    try:
        written = objects.read(request.bucket, job_transcript_key(*place))
    except NotFound as error:
        raise ModelFailure(f"{model.title} ended the job, and wrote no transcript.") from error
    return part_transcripts(written, pieces, parts, model.title)


def release(request: ReleaseSpeechRequest, deps: JobDeps) -> None:
    """Give back what was reserved for a job that failed, and remove its sound."""
    if request.found.reservation is not None:
        budgets = deps.budgets(request.found.reservation.reservation_id)
        budgets.release(request.found.reservation)
    _remove_sound(request, deps.objects)


_Request = FindSpeechRequest | CollectSpeechRequest | ReleaseSpeechRequest


def _remove_sound(request: _Request, objects: LargeObjects) -> None:
    place = (request.tenant, request.document_id, request.version)
    folder = job_sound_key(*place).rpartition("/")[0]
    objects.delete_prefix(request.bucket, f"{folder}/")


def _is_transcribed(
    request: FindSpeechRequest | CollectSpeechRequest,
    parts: Iterable[Part],
    objects: LargeObjects,
) -> bool:
    """Tell whether an earlier attempt left the transcripts of all parts by this model."""
    place = (request.tenant, request.document_id, request.version)
    for part in parts:
        try:
            body = objects.read(request.bucket, speech_key(*place, part.part))
        except NotFound:
            return False
        if Transcript.model_validate_json(body).model != request.transcriber:
            return False
    return True


def _write_transcripts(
    request: FindSpeechRequest | CollectSpeechRequest,
    transcripts: Iterable[Transcript],
    parts: Sequence[Part],
    objects: LargeObjects,
) -> None:
    place = (request.tenant, request.document_id, request.version)
    for part, transcript in zip(parts, transcripts, strict=True):
        whole = transcript.model_copy(
            update={
                "model": request.transcriber,
                "speakers_joined": True,
                "duration_ms": part.end_ms - part.start_ms,
            }
        )
        body = whole.model_dump_json(exclude_defaults=True).encode()
        objects.write(request.bucket, speech_key(*place, part.part), body, {})


def _price(model: ServedModel, seconds: float, deps: JobDeps) -> tuple[int, int]:
    """Return the seconds that a job is billed, and what they cost in nano-dollars."""
    billed = billed_seconds(_backend(model), seconds)
    return billed, deps.cost(model.price_unit(AUDIO_SECOND), billed)


def _backend(model: ServedModel) -> TranscribeBackend:
    assert isinstance(model.backend, TranscribeBackend), "only such a model works by jobs"
    return model.backend
