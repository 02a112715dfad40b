"""Move a tenant to another embedding model while its documents stay searchable.

    python -m infra.reindex --stage prod acme --model minilm-l6-v2-fp32
    python -m infra.reindex --stage prod acme --retry 01J9…     what failed, from where it stopped
    python -m infra.reindex --stage prod acme --cancel 01J9…    stay with the model of before

The model is in the bundles of `embed_text`, `embed_chunks` and `reembed_passages`, or a version of
the recipe text_embedder that the stage serves (`headrace models serve`). The job keeps to the
version that serves when it starts; NAME@HASH is the one before, to go back to it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.stepfunctions import JobMachines
from chalicelib.contracts.jobs import OPEN, Job, JobInput
from chalicelib.errors import HeadraceError, InvalidInput, NotFound
from chalicelib.generation.catalogue import catalogue
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.ulids import ulid
from infra import stages
from infra.models.served_embedders import EmbeddingChoice, ServedEmbedders
from infra.tenants import EMBEDDING_MODEL

POLL_SECONDS = 2.0


class Reindexing:
    """Reindex jobs of one stage."""

    def __init__(self, place: stages.StageConnection) -> None:
        table = DynamoTable(place.client("dynamodb"), place.outputs["RecordsTableName"])
        machine = place.outputs["ReindexMachineArn"]
        self._bucket = place.outputs["DocumentsBucketName"]
        self._jobs = JobTable(table)
        self._tenants = IngestTable(table)
        machines = JobMachines(place.client("stepfunctions"), {"reindex": machine})
        self._launcher = JobLauncher(self._jobs, machines, _now)
        self._embedders = ServedEmbedders(place)

    def start(self, tenant: str, model: str) -> Job:
        """Start the job.

        Raises:
            NotFound: there is no such tenant, or no such model.
            InvalidInput: the passages are longer than the model reads, or its version that serves
                is not approved any more.
            Conflict: the tenant has an index of the model with search terms, is being reindexed or
                is being removed.
        """
        state = self._tenants.tenant_state(tenant)
        if state is None:
            raise NotFound(f"There is no tenant {tenant}.", field="tenant")
        chosen = self._embedders.choose(model)
        check_fits(chosen)
        job_id = ulid(_now())
        given = JobInput(
            tenant=tenant,
            job_id=job_id,
            kind="reindex",
            bucket=self._bucket,
            correlation_id=job_id,
            model=chosen.name,
            dimensions=chosen.dimensions if chosen.tuned else 0,
        )
        return self._launcher.launch(given)

    def retry(self, tenant: str, job_id: str) -> Job:
        """Start the next attempt of a failed job."""
        return self._launcher.retry(self.state(tenant, job_id))

    def cancel(self, tenant: str, job_id: str) -> Job:
        """Cancel the job."""
        return self._launcher.cancel(self.state(tenant, job_id))

    def state(self, tenant: str, job_id: str) -> JobState:
        """Return the job, or raise `NotFound`."""
        job = self._jobs.state(tenant, job_id)
        if job is None:
            raise NotFound(f"The tenant {tenant} has no job {job_id}.", field="job_id")
        return job


def check_fits(model: EmbeddingChoice) -> None:
    """Raise `InvalidInput` unless `model` reads passages, which are cut for the default model."""
    most = catalogue().model(EMBEDDING_MODEL).limits["max_tokens"]
    if model.max_tokens < most:
        raise InvalidInput(
            f"Passages have up to {most} tokens; {model.name} reads {model.max_tokens}. Train"
            " it with more read_tokens.",
            field="model",
            limit=f"{model.max_tokens} tokens",
        )


def follow(read: Callable[[], JobState], say: Callable[[str], None]) -> Job:
    """Print a job's progress until it ends; return the job."""
    previous = ""
    while True:
        job = read().job
        counts = job.counts
        now = f"{job.status} {job.phase}: {counts.done} of {counts.total} documents"
        if now != previous:
            say(now)
            previous = now
        if job.status not in OPEN:
            return job
        time.sleep(POLL_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what the operator has to know


def main(arguments: list[str] | None = None) -> int:
    """Start a reindex job and follow it to its end; return 1 if it failed."""
    parser = argparse.ArgumentParser(prog="python -m infra.reindex", description=main.__doc__)
    stages.add_options(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--model", help="the model to move to, of the catalogue or one that the stage serves"
    )
    what.add_argument("--retry", metavar="JOB", help="go on with a job that failed")
    what.add_argument("--cancel", metavar="JOB", help="give a job up")
    parser.add_argument("tenant")
    chosen = parser.parse_args(arguments)
    try:
        place = stages.connect(chosen.stage, chosen.cloud_file, chosen.region, chosen.profile)
        reindexing = Reindexing(place)
        if chosen.model:
            job = reindexing.start(chosen.tenant, chosen.model)
        elif chosen.retry:
            job = reindexing.retry(chosen.tenant, chosen.retry)
        else:
            job = reindexing.cancel(chosen.tenant, chosen.cancel)
        _say(job.job_id)
        job = follow(lambda: reindexing.state(chosen.tenant, job.job_id), _say)
    except (ValueError, HeadraceError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the operator has to know
        return 1
    if job.error is not None:
        print(f"{job.error.type}: {job.error.message}", file=sys.stderr)  # noqa: T201
    return 0 if job.status in ("succeeded", "cancelled") else 1


if __name__ == "__main__":
    raise SystemExit(main())
