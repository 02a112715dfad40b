"""The call of a job made once, and what became of it kept before anything else is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.batches import places
from chalicelib.batches.items import item_of, lines_of
from chalicelib.batches.orders import order_of
from chalicelib.batches.outcomes import abandoned, failure, outcome
from chalicelib.budgets.spending import Bill, Spender
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import HeadraceError, NotFound, Throttled, Transient, is_fault

if TYPE_CHECKING:
    from chalicelib.batches.lines import Item
    from chalicelib.batches.ports import ItemObjects
    from chalicelib.batches.reconciling import Fate
    from chalicelib.contracts.batches import BatchPlace, ItemOutcome, ItemRef
    from chalicelib.contracts.generations import Call, Generation, Terms
    from chalicelib.generation.dependencies import Bounds
    from chalicelib.jobs.lifecycle import JobState

MOST_PAID = 3
"""Times that a call is made that is paid for and gives nothing, as one that takes too long."""


class Answerer(Protocol):
    """What answers calls."""

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        within: Bounds = ...,
    ) -> Generation:
        """Return the answer to `call`; raises one of `chalicelib.errors`."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks for one job. `within` bounds an answer, `log` is told of faults, and `new_id` returns
    what nothing else is called.
    """

    objects: ItemObjects
    answerer: Answerer
    state: JobState
    place: BatchPlace
    within: Bounds
    log: Callable[[HeadraceError], None]
    new_id: Callable[[], str]

    def known(self, ref: ItemRef) -> Fate:
        """Return what an earlier step, or one that was cut off, made of an item."""
        folders: dict[Fate, str] = {
            "done": places.OUTCOMES,
            "failed": places.failures(self.place.epoch),
        }
        for fate, folder in folders.items():
            try:
                self.objects.read(self.state.input.bucket, self._key(folder, ref))
            except NotFound:
                continue
            return fate
        return "missing"

    def asked(self, ref: ItemRef) -> Fate | HeadraceError:
        """Ask once; return what became of an item, or why it is to be asked again."""
        order = order_of(self.state.input)
        ((_, line),) = lines_of([ref], self.objects, self.state.input.bucket, self.state.prefix)
        item, bill = item_of(ref, line, order), Bill()
        try:
            generation = self._generated(item, bill)
        except HeadraceError as error:
            spent = error.receipt or Receipt()
            if self._passes(error):
                self._keep(abandoned(ref.n, spent), bill)
                return error
            if is_fault(error):
                self.log(error)
            return self._write(ref, failure(ref.n, item, error, spent), bill)
        made = outcome(ref.n, item, generation, keep_truncated=order.keep_truncated)
        return self._write(ref, made, bill)

    def _generated(self, item: Item, bill: Bill) -> Generation:
        given, order = self.state.input, order_of(self.state.input)
        spender = Spender(given.tenant, order.key, correlation_id=given.correlation_id, bill=bill)
        return self.answerer.generate(item.call, item.terms, spender, within=self.within)

    def _passes(self, error: HeadraceError) -> bool:
        """Tell whether a call that ended by `error` is to be made again."""
        is_passing = isinstance(error, (Throttled, Transient))
        return is_passing and self.place.idle + was_paid(error) < MOST_PAID

    def _keep(self, found: ItemOutcome, bill: Bill) -> None:
        """Keep what was spent on an item that is asked for again."""
        if found.receipt.lines or bill.charges:
            key = self.state.prefix + places.spending(found.n, self.new_id())
            self._put(key, found, bill)

    def _write(self, ref: ItemRef, found: ItemOutcome, bill: Bill) -> Fate:
        folder = places.failures(self.place.epoch) if found.failed else places.OUTCOMES
        self._put(self._key(folder, ref), found, bill)
        return "failed" if found.failed else "done"

    def _put(self, key: str, found: ItemOutcome, bill: Bill) -> None:
        charged = found.model_copy(update={"charges": tuple(bill.charges)})
        self.objects.write(self.state.input.bucket, key, charged.model_dump_json().encode(), {})
        bill.written()

    def _key(self, folder: str, ref: ItemRef) -> str:
        return self.state.prefix + folder + places.file_of(ref.n)


def was_paid(error: HeadraceError) -> bool:
    """Tell whether a call that ended by `error` used a model, or cost something."""
    return error.usage is not None or error.receipt is not None
