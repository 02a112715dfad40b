"""The world of a batch in memory."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.batches.storage import KEYS_PER_PAGE
from chalicelib.budgets.spender import CALL_SECONDS, ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import Reservation
from chalicelib.contracts.generations import Call, ChatCall, Generation, Terms, TextPart
from chalicelib.errors import HeadraceError
from chalicelib.generation.dependencies import Budgets, CallLimits
from tests.unit.batches.examples import generation
from tests.unit.batches.ledger import paid
from tests.unit.ingest.fakes import FakeObjects
from tests.unit.jobs.examples import NOW


@dataclass
class Stream:
    """A stream that keeps what is written."""

    body: bytearray = field(default_factory=bytearray)

    @property
    def size(self) -> int:
        return len(self.body)

    def write(self, data: bytes) -> int:
        self.body += data
        return len(data)


@dataclass
class FakeBatchObjects(FakeObjects):
    """Objects by key. `dies_at` is the write that is cut off before it is done."""

    written: int = 0
    dies_at: int = -1
    dies_of: Callable[[], BaseException] = KeyboardInterrupt
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def size(self, bucket: str, key: str) -> int:
        return len(self.read(bucket, key))

    def keys(
        self, bucket: str, prefix: str, after: str = "", page: int = KEYS_PER_PAGE
    ) -> Iterator[str]:
        with self._lock:
            found = sorted(self.bodies)
        yield from (key for key in found if key.startswith(prefix) and key > after)

    def write(self, bucket: str, key: str, body: bytes, metadata: object) -> None:
        with self._lock:
            self.written += 1
            if self.written == self.dies_at:
                raise self.dies_of()
            self.bodies[key] = body

    @contextmanager
    def writing(self, bucket: str, key: str) -> Iterator[Stream]:
        stream = Stream()
        yield stream
        self.write(bucket, key, bytes(stream.body), {})


@dataclass
class FakeAnswerer:
    """Answers a call by its prompt, `delay` seconds later. `fails` says by what error the n-th call
    of a prompt ends, and `answers` what comes of one that does not fail. It spends `budgets`.
    """

    fails: Callable[[str, int], HeadraceError | None] = lambda prompt, nth: None
    answers: Callable[[str], Generation] = lambda prompt: generation(f"to {prompt}")
    asked: list[str] = field(default_factory=list)
    spenders: set[Spender] = field(default_factory=set)
    within: list[CallLimits] = field(default_factory=list)
    most_at_once: int = 0
    delay: float = 0.0
    budgets: Budgets | None = None
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def generate(
        self, call: Call, terms: Terms, spender: Spender, *, limits: CallLimits
    ) -> Generation:
        prompt = prompt_of(call)
        with self._lock:
            self.within.append(limits)
            self.asked.append(prompt)
            self.spenders.add(spender)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            error = self.fails(prompt, self.asked.count(prompt))
        try:
            return paid(self.budgets, spender, lambda: self._answer(prompt, error))
        finally:
            with self._lock:
                self._at_once -= 1

    def _answer(self, prompt: str, error: HeadraceError | None) -> Generation:
        if error is not None:
            raise error
        time.sleep(self.delay)
        return self.answers(prompt)


def prompt_of(call: Call) -> str:
    """Return the text of a call of one turn."""
    assert isinstance(call, ChatCall)
    part = call.messages[0].content[0]
    assert isinstance(part, TextPart)
    return part.text


@dataclass
class FakeBudgets:
    """Budgets that keep what was reserved and settled. `refuses` is raised by a reservation."""

    refuses: HeadraceError | None = None
    reserved: list[Reservation] = field(default_factory=list)
    settled: dict[str, ActualCost] = field(default_factory=dict)

    def reserve(
        self, spender: Spender, model: str, most: MaxCost, seconds: int = CALL_SECONDS
    ) -> Reservation:
        if self.refuses is not None:
            raise self.refuses
        made = Reservation(
            reservation_id=f"reserved-{len(self.reserved)}",
            tenant=spender.tenant,
            model=model,
            nanodollars=most.nanodollars or 0,
            day=NOW.date(),
            made_at=NOW,
            expires_at=NOW + timedelta(seconds=seconds),
        )
        self.reserved.append(made)
        return made

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        self.settled[reservation.reservation_id] = used

    def release(self, reservation: Reservation) -> None:
        self.settled[reservation.reservation_id] = ActualCost(0)


@dataclass
class FakeService:
    """Batch jobs of Bedrock, which take `looks` looks. `answers` says what becomes of a record:
    a text, or None for an error. The output comes in an order of its own. `asked` is called when a
    job was asked for, before who asked hears of it.
    """

    objects: FakeBatchObjects = field(default_factory=FakeBatchObjects)
    now: datetime = NOW
    looks: int = 2
    ends_as: str = "Completed"
    answers: Callable[[int], str | None] = lambda n: "Hi."
    created: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    asked: Callable[[], object] = lambda: None
    refuses: HeadraceError | None = None

    def create(
        self, name: str, model_id: str, bucket: str, records: str, into: str, hours: int
    ) -> str:
        if self.refuses is not None:
            raise self.refuses
        told = {"model": model_id, "records": records, "into": into, "hours": hours}
        self.created.setdefault(name, told)
        self.asked()
        return _arn(name)

    def named(self, prefix: str) -> str:
        names = [name for name in reversed(self.created) if name.startswith(prefix)]
        return _arn(names[0]) if names else ""

    def status(self, arn: str) -> str:
        self.looks -= 1
        if self.looks > 0 and not self.stopped:
            return "InProgress"
        self._write(self.created[arn.rpartition("/")[2]], arn.rpartition("/")[2])
        return "Stopped" if self.stopped else self.ends_as

    def message(self, arn: str) -> str:
        return f"{arn.rpartition('/')[2]} may not do this."

    def stop(self, arn: str) -> None:
        self.stopped.append(arn)

    def _write(self, job: dict[str, Any], name: str) -> None:
        read = [json.loads(line) for line in self.objects.bodies[job["records"]].splitlines()]
        lines = [json.dumps(self._answered(record)) for record in reversed(read)]
        key = f"{job['into']}{name}/records.jsonl.out"
        self.objects.bodies[key] = ("\n".join(lines) + "\n").encode()

    def _answered(self, record: dict[str, Any]) -> dict[str, Any]:
        text = self.answers(int(record["recordId"][1:]))
        if text is None:
            return {**record, "error": {"errorCode": 500, "errorMessage": "no"}}
        answered = {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 10, "outputTokens": 3, "totalTokens": 13},
        }
        return {**record, "modelOutput": answered}


def _arn(name: str) -> str:
    return f"arn:aws:bedrock:us-east-1:0:model-invocation-job/{name}"
