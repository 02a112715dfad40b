"""The answer of a Bedrock batch job to one item, as an outcome like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.batches import storage
from chalicelib.batches.generation_outcomes import generation_outcome
from chalicelib.batches.items import item_lines, parse_item
from chalicelib.batches.outcomes import error_outcome
from chalicelib.batches.service_jobs import JobOutputParser, parse_output_record
from chalicelib.errors import ModelFailure
from chalicelib.generation import check_names, checks

if TYPE_CHECKING:
    from chalicelib.batches.items import BatchItem
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.batches import BatchOrder, ItemOutcome, ItemRef
    from chalicelib.contracts.generations import Generation


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """Converts the output of one job to outcomes; threads share it."""

    objects: ItemObjects
    bucket: str
    prefix: str
    epoch: int
    order: BatchOrder
    books: JobOutputParser
    now: datetime
    refs: Mapping[int, ItemRef]

    def fold(self, line: bytes) -> ItemOutcome | None:
        """Write the outcome of the item of a line; return None if the job did not answer it.

        Idempotent: the same line gives the same outcome.
        """
        try:
            n, answered = parse_output_record(line)
            ref = self.refs.get(n)
            if ref is None or answered is None:
                return None
            generation = self.books.generation(n, answered, self.now)
        except ModelFailure:
            return None
        outcome = self._outcome(ref, self._item(ref), generation)
        folder = storage.failures_prefix(self.epoch) if outcome.failed else storage.OUTCOMES
        key = self.prefix + folder + storage.item_file(n)
        self.objects.write(self.bucket, key, outcome.model_dump_json().encode(), {})
        return outcome

    def _outcome(self, ref: ItemRef, item: BatchItem, generation: Generation) -> ItemOutcome:
        named_checks = check_names.parse_checks(item.terms.checks, item.call)
        verdict = checks.run_checks(named_checks, item.call, generation.output, {})
        if not verdict.passed:
            error = ModelFailure(f"The answer does not stand: {verdict.reason}.")
            return error_outcome(ref.n, item, error, generation.receipt)
        return generation_outcome(ref.n, item, generation, keep_truncated=self.order.keep_truncated)

    def _item(self, ref: ItemRef) -> BatchItem:
        ((_, line),) = item_lines([ref], self.objects, self.bucket, self.prefix)
        return parse_item(ref, line, self.order)
