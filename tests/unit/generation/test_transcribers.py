"""The models that transcribe recordings of documents: who may name which, and what a job costs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from chalicelib.contracts.generations import Usage
from chalicelib.errors import Conflict
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import TranscribeBackend
from chalicelib.generation.pricing import actual_cost, billed_seconds, max_cost
from chalicelib.generation.requirements import CallRegion
from chalicelib.generation.tokens import TokenLoad
from chalicelib.generation.transcribers import job_transcriber, transcribers

SERVED = served_models()
JOBS = SERVED.models["amazon-transcribe"]


@pytest.mark.parametrize(
    ("region", "allowed", "names"),
    [
        ("us-east-1", None, ("whisper-base", "amazon-transcribe")),
        ("us-east-1", frozenset({"amazon-transcribe", "nova-pro"}), ("amazon-transcribe",)),
        ("ap-southeast-3", None, ("whisper-base",)),
    ],
)
def test_a_tenant_may_name_what_it_may_use_and_the_region_has(
    region: str, allowed: frozenset[str] | None, names: tuple[str, ...]
) -> None:
    assert transcribers(SERVED, CallRegion(region), date(2026, 12, 1), allowed) == names


def test_only_a_model_that_works_by_jobs_needs_one() -> None:
    assert job_transcriber(SERVED, "amazon-transcribe") is JOBS
    assert job_transcriber(SERVED, "whisper-base") is None
    assert job_transcriber(SERVED, "") is None
    with pytest.raises(Conflict, match="whisper-huge is not served any more"):
        job_transcriber(SERVED, "whisper-huge")
    with pytest.raises(Conflict, match="nova-pro is not served any more"):
        job_transcriber(SERVED, "nova-pro")


def test_a_job_is_billed_by_started_seconds_and_fifteen_at_least() -> None:
    backend, prices = JOBS.backend, catalogue().prices
    assert isinstance(backend, TranscribeBackend)
    assert [billed_seconds(backend, each) for each in (0.5, 15, 15.01, 3_600)] == [
        15,
        15,
        16,
        3_600,
    ]
    hour = TokenLoad(audio_seconds=3_600.0)
    assert max_cost(JOBS, hour, Decimal(1), prices) == 1_440_000_000
    assert actual_cost(JOBS, Usage(audio_seconds=4.3), Decimal(1), prices) == 6_000_000
