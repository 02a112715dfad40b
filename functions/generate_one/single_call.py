"""Make the call of a job once, and store its outcome before anything else is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.batches import storage
from chalicelib.batches.checkpoint import batch_order
from chalicelib.batches.generation_outcomes import generation_outcome
from chalicelib.batches.items import item_lines, parse_item
from chalicelib.batches.outcomes import error_outcome, spending_outcome
from chalicelib.batches.rounds import MAX_PAID_TRIES, was_paid
from chalicelib.budgets.spender import Bill, Spender
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import HeadraceError, NotFound, Throttled, Transient, is_fault

if TYPE_CHECKING:
    from chalicelib.batches.items import BatchItem
    from chalicelib.batches.rounds import ItemStatus
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.batches import BatchCheckpoint, ItemOutcome, ItemRef
    from chalicelib.contracts.generations import Call, Generation, Terms
    from chalicelib.generation.dependencies import CallLimits
    from chalicelib.jobs.lifecycle import JobState


class SingleCallGenerator(Protocol):
    """A generator of answers to calls."""

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = ...,
    ) -> Generation:
        """Return the answer to `call`; raises one of `chalicelib.errors`."""


@dataclass(frozen=True, slots=True)
class SingleCall:
    """Makes the one call of a job.

    `within` returns the limits of an answer, `log` records faults, and `new_id` returns a unique
    id.
    """

    objects: ItemObjects
    answerer: SingleCallGenerator
    state: JobState
    place: BatchCheckpoint
    within: CallLimits
    log: Callable[[HeadraceError], None]
    new_id: Callable[[], str]

    def known(self, ref: ItemRef) -> ItemStatus:
        """Return the status that an earlier step, even one that was cut off, gave an item."""
        folders: dict[ItemStatus, str] = {
            "done": storage.OUTCOMES,
            "failed": storage.failures_prefix(self.place.epoch),
        }
        for fate, folder in folders.items():
            try:
                self.objects.read(self.state.input.bucket, self._key(folder, ref))
            except NotFound:
                continue
            return fate
        return "missing"

    def asked(self, ref: ItemRef) -> ItemStatus | HeadraceError:
        """Make the call once; return the item's status, or the error after which to retry."""
        order = batch_order(self.state.input)
        ((_, line),) = item_lines([ref], self.objects, self.state.input.bucket, self.state.prefix)
        item, bill = parse_item(ref, line, order), Bill()
        try:
            generation = self._generated(item, bill)
        except HeadraceError as error:
            spent = error.receipt or Receipt()
            if self._passes(error):
                self._keep(spending_outcome(ref.n, spent), bill)
                return error
            if is_fault(error):
                self.log(error)
            return self._write(ref, error_outcome(ref.n, item, error, spent), bill)
        outcome = generation_outcome(ref.n, item, generation, keep_truncated=order.keep_truncated)
        return self._write(ref, outcome, bill)

    def _generated(self, item: BatchItem, bill: Bill) -> Generation:
        job_input, order = self.state.input, batch_order(self.state.input)
        spender = Spender(
            job_input.tenant, order.key, correlation_id=job_input.correlation_id, bill=bill
        )
        return self.answerer.generate(item.call, item.terms, spender, limits=self.within)

    def _passes(self, error: HeadraceError) -> bool:
        """Return whether a call that failed with `error` should be retried."""
        is_passing = isinstance(error, (Throttled, Transient))
        return is_passing and self.place.idle + was_paid(error) < MAX_PAID_TRIES

    def _keep(self, found: ItemOutcome, bill: Bill) -> None:
        """Store the cost of an item that is asked again."""
        if found.receipt.lines or bill.charges:
            key = self.state.prefix + storage.spending_file(found.n, self.new_id())
            self._put(key, found, bill)

    def _write(self, ref: ItemRef, found: ItemOutcome, bill: Bill) -> ItemStatus:
        folder = storage.failures_prefix(self.place.epoch) if found.failed else storage.OUTCOMES
        self._put(self._key(folder, ref), found, bill)
        return "failed" if found.failed else "done"

    def _put(self, key: str, found: ItemOutcome, bill: Bill) -> None:
        charged = found.model_copy(update={"charges": tuple(bill.charges)})
        self.objects.write(self.state.input.bucket, key, charged.model_dump_json().encode(), {})
        bill.confirm_written()

    def _key(self, folder: str, ref: ItemRef) -> str:
        return self.state.prefix + folder + storage.item_file(ref.n)
