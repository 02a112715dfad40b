"""A collection's pictures embedded again, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import pytest

from chalicelib.contracts.documents import Document
from chalicelib.contracts.jobs import JobError, Slice, StepRequest, StepResult
from chalicelib.errors import ModelFailure
from functions.reindex_tenant import picture_steps
from tests.unit.ingest.fakes import FakeObjects
from tests.unit.jobs.examples import NOW, begun, desk
from tests.unit.jobs.fakes import FakeJobs


@dataclass
class World:
    """A tenant's documents in memory, and the ids of those that were embedded, in order."""

    jobs: FakeJobs = field(default_factory=FakeJobs)
    objects: FakeObjects = field(default_factory=FakeObjects)
    stored: dict[str, Document] = field(default_factory=dict)
    embedded: list[str] = field(default_factory=list)

    def put(self, name: str, **facts: str) -> None:
        told = {"document_id": name, "collection": "a", "path": name, "status": "ready"}
        known = {"version": "v_1", "media_type": "image/png", "created_at": NOW, "updated_at": NOW}
        self.stored[name] = Document.model_validate({**told, **known, **facts})

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        for key in sorted(self.stored):
            if key > after:
                yield self.stored[key]

    def run(self, request: StepRequest, seconds_a_look: float = 0.0) -> StepResult:
        """Run as the state machine does."""
        deps = picture_steps.Deps(desk(self.jobs, seconds_a_look), self, self.objects)
        batch = None
        for _ in range(1_000):
            result = picture_steps.run(request.model_copy(update={"embedded": batch}), deps)
            if result.next == "ended":
                return result
            batch = None
            if result.next == "embed":
                lines = self.objects.bodies[result.key].splitlines()
                found = [Slice.model_validate(json.loads(line)) for line in lines]
                assert {(each.first, each.count, each.version) for each in found} == {(0, 1, "v_1")}
                self.embedded += [each.document_id for each in found]
                batch = result.batch
        raise AssertionError("it does not end")


begin = partial(begun, kind="embed_pictures", collection="a", model="emoji-clip")


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 450])
@pytest.mark.parametrize("seconds_a_look", [0.0, 100.0])
def test_every_picture_of_the_collection_is_embedded_once_and_counts_add_up(
    count: int, seconds_a_look: float
) -> None:
    world = World()
    for n in range(count):
        world.put(f"doc_{n:03d}")
    world.put("doc_else", collection="b")
    world.put("doc_note", media_type="text/markdown")
    world.put("doc_early", version="")
    result = world.run(begin(world.jobs), seconds_a_look)
    assert (result.status, result.counts.total, result.counts.done) == ("succeeded", count, count)
    assert world.embedded == [f"doc_{n:03d}" for n in range(count)]
    assert world.objects.bodies == {}


def test_a_picture_that_fails_fails_the_job_by_its_reason_and_the_next_attempt_goes_on() -> None:
    world = World()
    world.put("doc_a")
    request = begin(world.jobs)
    failed = request.model_copy(update={"error": JobError(type="Conflict", message="serve one")})
    with pytest.raises(ModelFailure, match="Conflict: serve one"):
        world.run(failed)
    assert world.run(request).counts.done == 1
