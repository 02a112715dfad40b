"""Uploads, deletions and executions in any order, on the real logic around the state machine.

Events are delivered twice, late and in the wrong order, or lost. While one thing goes on, others
come between its requests to the table, and it may be cut off at each of them. What the state
machine records are its own transactions, filled in by the evaluator of the local cloud.

Each content has a number of passages of its own; a vector carries its content as its text.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.documents import ApiDocumentTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.waitlist import WaitlistTable
from chalicelib.contracts.arrivals import ExecutionEnded, ExecutionStatus, MemberGoneDetail
from chalicelib.contracts.documents import Document
from chalicelib.contracts.indexes import Vector
from chalicelib.contracts.ingest import IngestInput, VectorMetadata
from chalicelib.contracts.removals import RemovalBound
from chalicelib.errors import Conflict, NotFound, Transient
from chalicelib.ingest.admission import Admission
from chalicelib.ingest.arrivals import ArrivalProcessor, ArrivalResult
from chalicelib.ingest.departures import DepartureAnnouncer, MemberRemover
from chalicelib.ingest.removal import DocumentRemoval
from chalicelib.ingest.settlement import IngestSettler
from chalicelib.jobs.ingest_claims import execution_arn
from chalicelib.jobs.ingest_seats import LARGE_BYTES
from chalicelib.retrieval.ids import InboxPlace, chunks_key, vector_key
from localcloud.stepfunctions.language.jsonata.templates import Bindings, evaluate
from localcloud.stepfunctions.language.values import JsonObject
from tests.architecture.ingest_definition import definition
from tests.unit.ingest.conftest import TABLE
from tests.unit.ingest.examples import BUCKET, MACHINE, NOW, arrival
from tests.unit.ingest.fakes import INDEX, FakeBus, FakeQueue, FakeVectors

PATHS = tuple(f"shelf/{n}.md" for n in range(6))
KEYS = {path: InboxPlace("acme", "default", path).key for path in PATHS}
IDS = {path: InboxPlace("acme", "default", path).document_id for path in PATHS}
CONTENTS = {"A": 3, "B": 5, "C": 2, "locked": 0}
"""How many passages each content has; `locked` cannot be read."""
PLACES = 4
STEP = timedelta(seconds=20)

Fate = Literal["ready", "failed", "lost"]


@dataclass
class VersionedObjects:
    """Objects with all their versions, newest first."""

    kept: dict[str, list[tuple[str, bytes, Mapping[str, str]]]] = field(default_factory=dict)

    def put(self, key: str, version: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self.kept.setdefault(key, []).insert(0, (version, body, metadata))

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        return self._found(key, version_id)[1]

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self.kept[key] = [("null", body, metadata)]

    def copy(self, bucket: str, key: str, version_id: str, to_key: str) -> None:
        self.write(bucket, to_key, self.read(bucket, key, version_id), {})

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> Mapping[str, str]:
        return self._found(key, version_id)[2]

    def versions_until(self, bucket: str, key: str, newest: str | None = None) -> Sequence[str]:
        found = [version for version, _, _ in self.kept.get(key, ())]
        if newest is None:
            return found
        return found[found.index(newest) :] if newest in found else ()

    def delete_until(self, bucket: str, key: str, newest: str) -> int:
        doomed = self.versions_until(bucket, key, newest)
        self.kept[key] = [each for each in self.kept.get(key, ()) if each[0] not in doomed]
        self.kept = {key: versions for key, versions in self.kept.items() if versions}
        return len(doomed)

    def delete_version(self, bucket: str, key: str, version_id: str) -> None:
        self.kept[key] = [each for each in self.kept.get(key, ()) if each[0] != version_id]
        self.kept = {key: versions for key, versions in self.kept.items() if versions}

    def delete_object(self, bucket: str, key: str) -> int:
        return len(self.kept.pop(key, ()))

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        return sum(
            self.delete_object(bucket, key) for key in list(self.kept) if key.startswith(prefix)
        )

    def delete_folders(self, bucket: str, prefix: str, folders: Collection[str]) -> int:
        return sum(self.delete_prefix(bucket, f"{prefix}{folder}/") for folder in folders)

    def _found(self, key: str, version_id: str | None) -> tuple[str, bytes, Mapping[str, str]]:
        for version in self.kept.get(key, ()):
            if version_id in (None, version[0]):
                return version
        raise NotFound(f"no {key}")


@dataclass
class Execution:
    """One execution: what it works on, how far it is, and how it ended."""

    name: str
    work: IngestInput
    fate: Fate
    steps: Iterator[None]
    end: ExecutionStatus | None = None


@dataclass
class Uploads:
    """What a user did to one path, and so what has to be there in the end."""

    content: str = ""
    """Of the newest upload that stays; "" for none."""
    uncertain: bool = False
    """Whether that upload was made in the moment in which a deletion began."""
    version: str = ""


class World:
    """One tenant, whose table is `table`; `seed` decides everything."""

    def __init__(self, table: DynamoTable, client: Any, seed: int) -> None:
        self.chance = random.Random(seed)
        self.table, self.client = table, client
        self.records, self.removable = IngestTable(table), ApiDocumentTable(table)
        self.waiting = WaitlistTable(table)
        self.objects, self.vectors = VersionedObjects(), FakeVectors()
        self.queue, self.bus = FakeQueue(), FakeBus()
        self.now: datetime = NOW
        self.executions: dict[str, Execution] = {}
        self.starts: dict[str, int] = {}
        self.arrived: list[str] = []
        self.ended_events: list[ExecutionEnded] = []
        self.deletions: list[tuple[Document, RemovalBound]] = []
        self.user: dict[str, Uploads] = {path: Uploads() for path in PATHS}
        self.uploaded = self.deleted = self.delivered = self.cut_off = self.between = 0
        self.deferred = 0
        self._depth = 0
        self._beginning = ""
        departures = DepartureAnnouncer(self.objects, self.queue)
        self.removal = DocumentRemoval(
            BUCKET, self.removable, self.records, self.objects, self.vectors, departures
        )
        self.arrivals = ArrivalProcessor(
            records=self.records,
            tenants=self.records,
            objects=self.objects,
            executions=self,
            waiting=self.waiting,
            departed=MemberRemover(
                self.records, self.objects, lambda bucket: self.removal, _none_is_large
            ),
            machine_arn=MACHINE,
            max_running=PLACES,
            now=lambda: self.now,
        )
        self.admission = Admission(self.waiting, self.records, self.arrivals, self.queue, PLACES)
        self.settlements = IngestSettler(
            records=self.records,
            tenants=self.records,
            executions=self,
            objects=self.objects,
            vectors=self.vectors,
            departures=departures,
            remover=lambda bucket: self.removal,
            bus=self.bus,
            ready=lambda work, version: None,
            now=lambda: self.now,
        )
        states = json.loads(definition(TABLE))["States"]
        self._transactions = {name: state.get("Arguments") for name, state in states.items()}
        self._facts = states["Embed"]["Assign"]["facts"]

    # The executions, as the logic sees them.

    def start(self, name: str, work: IngestInput) -> None:
        if name in self.executions:
            return
        if self.chance.random() < 0.02:
            raise Transient("no network")
        fate: Fate = self.chance.choices(("ready", "failed", "lost"), (20, 1, 1))[0]
        execution = Execution(name, work, fate, iter(()))
        execution.steps = self._run(execution)
        self.executions[name] = execution
        self.starts[work.version] = self.starts.get(work.version, 0) + 1

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        name = execution_arn.rsplit(":", 1)[-1]
        if name not in self.executions:
            raise NotFound(name)
        return self.executions[name].end

    # What happens.

    def step(self) -> None:
        """Let one thing happen."""
        happenings: tuple[tuple[int, Callable[[], None]], ...] = (
            (6, self.upload),
            (2, self.delete),
            (3, self.go_on_deleting),
            (40, self.deliver_arrival),
            (40, self.deliver_end),
            (40, self.go_on_executing),
            (2, self.sweep),
        )
        weights, calls = zip(*happenings, strict=True)
        self.chance.choices(calls, weights)[0]()

    def interrupt(self) -> None:
        """Come between two requests of something else: let another thing happen, or cut it off."""
        draw = self.chance.random()
        if self._depth == 0 or draw > 0.04:
            return
        if draw < 0.01:
            self.cut_off += 1
            raise Transient("the power went")
        if self._depth == 1:
            self.between += 1
            self.step()

    def upload(self) -> None:
        """Put a content into the inbox; its event is told of later, perhaps more than once."""
        path = self.chance.choice(PATHS)
        content = self.chance.choices(tuple(CONTENTS), (5, 5, 2, 1))[0]
        self.uploaded += 1
        version, sequencer = f"o{self.uploaded:06d}", f"{self.uploaded:018x}"
        key = KEYS[path]
        self.objects.put(key, version, content.encode(), {})
        event = arrival(
            key=key,
            version_id=version,
            sequencer=sequencer,
            id=f"e{self.uploaded}",
            size=self.chance.choices((20, LARGE_BYTES + 1), (3, 1))[0],
        )
        self.arrived += [event] * self.chance.choices((1, 2, 3), (6, 3, 1))[0]
        self.user[path] = Uploads(content, uncertain=path == self._beginning, version=version)

    def delete(self) -> None:
        """Begin to delete a document, if it is there."""
        path = self.chance.choice(PATHS)
        before = self.user[path]
        document = self.records.document("acme", IDS[path])
        if document is None or self._beginning:
            return
        self._beginning = path
        try:
            begun = self._alone(lambda: self.removal.begin("acme", document))
        finally:
            self._beginning = ""
        if begun is None:
            return
        self.deleted += 1
        self.deletions.append((document, begun))
        if self.user[path] is before:
            self.user[path] = Uploads()

    def go_on_deleting(self) -> None:
        """Do a deletion that has begun; one that is cut off is done once more."""
        if self.deletions:
            deletion = self.deletions.pop(self.chance.randrange(len(self.deletions)))
            document, bound = deletion
            if self._alone(lambda: self.removal.remove("acme", document, bound)) is None:
                self.deletions.append(deletion)

    def deliver_arrival(self) -> None:
        """Deliver any of the arrivals; one that failed comes again, as does one in five."""
        if not self.arrived:
            return
        self.delivered += 1
        body = self.arrived.pop(self.chance.randrange(len(self.arrived)))
        taken = self._alone(lambda: self.arrivals.take(body))
        if taken is None or self.chance.random() < 0.2:
            self.arrived.append(body)
        if taken is ArrivalResult.DEFERRED:
            self.deferred += 1
            self._alone(lambda: self.admission.admit(self.now))

    def deliver_end(self) -> None:
        """Deliver any of the ends of executions, as above."""
        if not self.ended_events:
            return
        self.delivered += 1
        event = self.ended_events.pop(self.chance.randrange(len(self.ended_events)))
        settled = self._alone(lambda: self.settlements.settle_event(event) or "before")
        if settled is None or self.chance.random() < 0.2:
            self.ended_events.append(event)
        if settled is not None:
            self._alone(lambda: self.admission.admit(self.now))

    def go_on_executing(self) -> None:
        """Let one execution go on by one step, and tell of its end if it is over."""
        running = [each for each in self.executions.values() if each.end is None]
        if not running:
            return
        execution = self.chance.choice(running)
        if next(execution.steps, self) is not self:
            return
        assert execution.end is not None
        if self.chance.random() < 0.9:
            self.ended_events += [self._end_of(execution)] * self.chance.choice((1, 1, 2))

    def sweep(self) -> None:
        """Let time pass, and look after every place that is held."""
        self.now += STEP
        for running in list(self.records.running()):
            self._alone(partial(self.settlements.sweep, running))
        self._alone(lambda: self.admission.admit(self.now))

    def come_to_rest(self) -> None:
        """Deliver and do what is left, without further uploads and deletions."""
        for _ in range(20_000):
            busy = self.arrived or self.ended_events or self.deletions or self.waiting.is_any()
            running = any(execution.end is None for execution in self.executions.values())
            if not busy and not running and not list(self.records.running()):
                return
            for happens in (
                self.go_on_deleting, self.deliver_arrival, self.deliver_end, self.go_on_executing,
                self.sweep,
            ):  # fmt: skip
                happens()
        raise AssertionError("it does not come to rest")

    def _alone(self, call: Callable[[], Any]) -> Any:
        """Return what `call` returns, None if it was cut off or has to come again."""
        self._depth += 1
        try:
            return call()
        except (Transient, Conflict):
            return None
        finally:
            self._depth -= 1

    # An execution: `read_document` to `embed_chunks`, then what the state machine records.

    def _run(self, execution: Execution) -> Iterator[None]:
        work = execution.work
        yield
        if execution.fate == "lost":
            execution.end = "TIMED_OUT"
            return
        try:
            content = self.objects.read(BUCKET, work.key, work.object_version_id).decode()
        except NotFound:
            content = "locked"
        digest = _digest(content)
        if work.ready_sha256 == digest and self._record("MarkUnchanged", work, digest, 0):
            execution.end = "SUCCEEDED"
            return
        yield
        if not CONTENTS[content]:
            self._record("RecordRejection", work, digest, 0)
            execution.end = "SUCCEEDED"
            return
        yield from self._index(work, content)
        if execution.fate == "failed":
            self._record("RecordFailure", work, digest, 0)
            execution.end = "FAILED"
            return
        count = CONTENTS[content]
        if not self._record("MarkReady", work, digest, count):
            yield
            self._record("MarkReadyBehindNewer", work, digest, count)
        yield
        execution.end = "SUCCEEDED"

    def _index(self, work: IngestInput, content: str) -> Iterator[None]:
        count = CONTENTS[content]
        key = chunks_key(work.tenant, work.document_id, work.version)
        self.objects.write(BUCKET, key, b"", {"lines": str(count)})
        for n in range(count):
            yield
            metadata = VectorMetadata(
                document_id=work.document_id, version=work.version, collection=work.collection,
                path=work.path, page=1, heading="", start=n, end=n + 1, text=content,
            )  # fmt: skip
            self.vectors.put(
                INDEX, [Vector(vector_key(work.document_id, work.version, n), [1.0], metadata)]
            )

    def _record(self, state: str, work: IngestInput, digest: str, chunks: int) -> bool:
        """Write what `state` of the state machine writes; False where a condition is false."""
        given = work.model_dump(mode="json")
        facts: JsonObject = {
            "media_type": "text/markdown", "sha256": digest, "bytes": 20, "pages": 1,
            "pages_needing_ocr": 0, "chunks": chunks, "language": "en", "members": 0, "notices": [],
        }  # fmt: skip
        context: JsonObject = {
            "Execution": {"Input": given, "StartTime": self.now.isoformat()},
            "State": {"EnteredTime": self.now.isoformat()},
        }
        result: JsonObject = {"Payload": {"receipt": {"lines": [], "tokens_in": 1, "dollars": "0"}}}
        made = evaluate(self._facts, Bindings(facts, context, result), "Assign")
        variables = {"facts": made, "reason": "because", "error": "E"}
        bindings = Bindings(facts, context, result, variables=variables)
        request: Any = evaluate(self._transactions[state], bindings, "Arguments")
        depth, self._depth = self._depth, 0  # no machine below a state machine loses its power
        try:
            self.client.transact_write_items(**request)
        except self.client.exceptions.TransactionCanceledException:
            return False
        finally:
            self._depth = depth
        return True

    def _end_of(self, execution: Execution) -> ExecutionEnded:
        return ExecutionEnded.model_validate(
            {
                "id": f"end-{execution.name}",
                "detail": {
                    "executionArn": execution_arn(MACHINE, execution.name),
                    "status": execution.end,
                },
            }
        )

    # What has to hold.

    def answers(self) -> dict[str, list[str]]:
        """Return what a query for each document finds: the passages of the version that answers."""
        answering = self.removable.current_versions("acme", list(IDS.values()))
        found: dict[str, list[str]] = {}
        for vector in self.vectors.kept.values():
            metadata = vector.metadata
            if metadata.version == answering.get(metadata.document_id):
                found.setdefault(metadata.document_id, []).append(metadata.text)
        return found

    def check_no_mixture(self) -> None:
        """Whatever goes on, a query finds the whole of one content, or nothing.

        Nor do large files hold every place.
        """
        assert sum(slot.large for slot in self.records.running()) < PLACES
        for document_id, texts in self.answers().items():
            assert texts == texts[:1] * CONTENTS[texts[0]], (document_id, texts)

    def check_at_rest(self) -> None:
        """Each path holds what its user left there, once, and nothing else is left."""
        counter = self.table.get(("ADMISSION", "ingest")) or {"running": 0}
        assert (counter["running"], list(self.records.running())) == (0, [])
        assert counter.get("running_large", 0) == 0
        assert max(self.starts.values()) == 1
        self.check_no_mixture()
        wanted = 0
        answers = self.answers()
        for path, left in self.user.items():
            document = self.records.document("acme", IDS[path])
            if document is None:
                assert not left.content or left.uncertain, (path, left)
                assert not list(self.records.versions("acme", IDS[path])), path
                assert KEYS[path] not in self.objects.kept, path
                continue
            assert left.content, (path, document)
            assert document.status in ("ready", "rejected", "failed")
            if document.version:
                texts = answers[IDS[path]]
                assert document.sha256 == _digest(texts[0]), path
                wanted += len(texts)
            if document.status == "ready":
                assert document.sha256 == _digest(left.content), (path, left)
            if document.status == "rejected":
                assert left.content == "locked", (path, left)
        assert len(self.vectors.kept) == wanted
        folders = {tuple(key.split("/")[1:4]) for key in self.objects.kept if key[0] == "d"}
        assert all(self.records.version(*folder) is not None for folder in folders)


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _none_is_large(gone: MemberGoneDetail, bound: RemovalBound) -> None:
    raise AssertionError(f"{gone.path} is small")
