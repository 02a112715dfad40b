"""Answer one item after another and write its outcome, until no item or time is left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from chalicelib.batches import storage
from chalicelib.batches.generation_outcomes import generation_outcome
from chalicelib.batches.items import BatchItem, parse_item
from chalicelib.batches.outcomes import OutcomeWriter, error_outcome, item_error, spending_outcome
from chalicelib.batches.receipts import ReceiptSum
from chalicelib.batches.rounds import MAX_PAID_TRIES, was_paid
from chalicelib.batches.storage import ItemObjects
from chalicelib.budgets.spender import Bill, Spender
from chalicelib.contracts.batches import BatchOrder, ItemError, ItemOutcome, ItemRef
from chalicelib.contracts.generations import Call, Generation, Terms
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import (
    HeadraceError,
    NotFound,
    QuotaExceeded,
    Throttled,
    Transient,
    is_fault,
)
from chalicelib.generation.dependencies import CallLimits
from functions.generate_items.code_runner import RUN_SECONDS, CodeJudge

LOOK_SECONDS = 5.0
"""For how long the job's state is cached: a cancelled job may make calls for that long."""
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 20.0


@dataclass(slots=True)
class ItemTally:
    """The outcomes of the items of one invocation; threads share it."""

    done: int = 0
    failed: int = 0
    halted: ItemError | None = None
    code_gb_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, *, failed: bool) -> None:
        """Count one item that has an outcome now."""
        with self._lock:
            if failed:
                self.failed += 1
            else:
                self.done += 1

    def add_code(self, gb_seconds: float) -> None:
        """Add what a run of code cost."""
        with self._lock:
            self.code_gb_seconds += gb_seconds

    def halt(self, error: HeadraceError) -> None:
        """Record the reason that no more calls are made; the first reason stays."""
        with self._lock:
            if self.halted is None:
                self.halted = item_error(error)

    def turns(self, items: Iterator[tuple[ItemRef, bytes]]) -> Iterator[tuple[ItemRef, bytes]]:
        """Yield items that no other thread has yet, with their lines."""
        while True:
            with self._lock:
                item = next(items, None)
            if item is None:
                return
            yield item


@dataclass(slots=True)
class Deadline:
    """Decides whether to go on: time is left, and the job was not cancelled."""

    ends_at: float
    clock: Callable[[], float]
    goes_on: Callable[[], bool]
    _looked: float | None = None
    _going: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def has(self, seconds: float = 0.0) -> bool:
        """Return whether more than `seconds` are left and the job goes on."""
        now = self.clock()
        with self._lock:
            if self._looked is None:
                self._looked = now
            if self._going and now - self._looked >= LOOK_SECONDS:
                self._looked = now
                self._going = self.goes_on()
            return self._going and now + seconds < self.ends_at


@dataclass(frozen=True, slots=True)
class ItemWorker:
    """Answers items of one batch; the last call of a model ends by `ends_at`."""

    objects: ItemObjects
    bucket: str
    prefix: str
    epoch: int
    order: BatchOrder
    generate: Callable[[Call, Terms, Spender, CallLimits], Generation]
    ends_at: float
    code_judge: CodeJudge
    spender: Spender
    answers: ItemTally
    watch: Deadline
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    log: Callable[[HeadraceError], None]
    new_id: Callable[[], str]
    bundler: OutcomeWriter
    room: threading.Semaphore

    def work_off(self, items: Iterator[tuple[ItemRef, bytes]]) -> None:
        """Answer items until no item, no time, or no money is left."""
        for ref, line in items:
            if self.answers.halted is not None or not self.watch.has():
                return
            spent, bill = ReceiptSum(), Bill()
            outcome = self._answered(ref.n, parse_item(ref, line, self.order), spent, bill)
            if outcome is not None:
                self._write(outcome, bill)
            elif spent.lines or bill.charges:
                self._keep(spending_outcome(ref.n, spent.whole()), bill)
            bill.confirm_written()

    def _answered(
        self, n: int, item: BatchItem, spent: ReceiptSum, bill: Bill
    ) -> ItemOutcome | None:
        """Return the outcome of an item, or None if it is not known yet.

        Its costs beside those of the answer are added to `spent` as well, and all charges to the
        `bill`.
        """
        if (judged := self._judged_again(n, item)) is not None:
            return judged
        try:
            generation = self._patiently(item, spent, replace(self.spender, bill=bill))
        except QuotaExceeded as error:
            if error.of_model:
                return error_outcome(n, item, error, spent.whole())
            self.answers.halt(error)
            return None
        except HeadraceError as error:
            if is_fault(error):
                self.log(error)
            return error_outcome(n, item, error, spent.whole())
        if generation is None:
            return None
        if spent.lines:
            generation = _with_receipt(generation, spent.whole())
        keeps = self.order.keep_truncated
        outcome = generation_outcome(n, item, generation, keep_truncated=keeps)
        return self.code_judge.judged(outcome, item, generation)

    def _judged_again(self, n: int, item: BatchItem) -> ItemOutcome | None:
        """Return the outcome of an item whose answer an earlier epoch had, None without one."""
        if item.code is None:
            return None
        for epoch in range(self.epoch - 1, -1, -1):
            key = self.prefix + storage.failures_prefix(epoch) + storage.item_file(n)
            try:
                body = self.objects.read(self.bucket, key)
            except NotFound:
                continue
            return self.code_judge.judged_again(ItemOutcome.model_validate_json(body), item)
        return None

    def _patiently(self, item: BatchItem, spent: ReceiptSum, spender: Spender) -> Generation | None:
        """Return the answer, retrying while there is no capacity; None once there is no time.

        If a model's limit is only reserved, for example by other children, some of it may come
        back. A call that was paid for and returned nothing is made `MAX_PAID_TRIES` times.
        """
        ceiling, paid = _FIRST_WAIT, 0
        while True:
            try:
                return self._asked(item, spent, spender)
            except (Throttled, Transient) as error:
                paid += was_paid(error)
                if paid >= MAX_PAID_TRIES:
                    raise
                seconds = max(error.retry_after or 0, self.chance() * ceiling)
            except QuotaExceeded as error:
                if not (error.of_model and error.reserved):
                    raise
                seconds = self.chance() * ceiling
            if not self.watch.has(seconds):
                return None
            self.sleep(seconds)
            ceiling = min(_LONGEST_WAIT, 2 * ceiling)

    def _asked(self, item: BatchItem, spent: ReceiptSum, spender: Spender) -> Generation:
        """Make the call once there is capacity; the cost of failed attempts is added to `spent`."""
        limits = CallLimits(self.ends_at - (RUN_SECONDS if item.code is not None else 0))
        try:
            with self.room:
                return self.generate(item.call, item.terms, spender, limits)
        except HeadraceError as error:
            if error.receipt is not None:
                spent.add(error.receipt)
            raise

    def _keep(self, found: ItemOutcome, bill: Bill) -> None:
        """Store the cost of an item that another round will answer again."""
        key = self.prefix + storage.spending_file(found.n, self.new_id())
        self.objects.write(self.bucket, key, _outcome_body(found, bill), {})

    def _write(self, found: ItemOutcome, bill: Bill) -> None:
        folder = storage.failures_prefix(self.epoch) if found.failed else storage.OUTCOMES
        key = self.prefix + folder + storage.item_file(found.n)
        body = _outcome_body(found, bill)
        self.objects.write(self.bucket, key, body, {})
        self.answers.count(failed=found.failed)
        if not found.failed:
            self.bundler.add(found.n, body)


def _outcome_body(found: ItemOutcome, bill: Bill) -> bytes:
    """Return an outcome with its charges, as it is stored."""
    charged = found.model_copy(update={"charges": tuple(bill.charges)})
    return charged.model_dump_json().encode()


def _with_receipt(generation: Generation, spent: Receipt) -> Generation:
    """Return `generation` with the earlier costs of its item added to the receipt."""
    receipt = generation.receipt
    whole = Receipt.of((*spent.lines, *receipt.lines), receipt.next_dearer)
    return generation.model_copy(update={"receipt": whole})
