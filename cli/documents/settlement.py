"""Waiting for documents in progress to settle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cli.client import Api
from cli.documents.results import SETTLED, DocumentProgress, DocumentResult, progress_of, result_of
from cli.failures import ApiError, CommandError
from cli.output import Json

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class AwaitedDocument:
    """A document in progress.

    `is_news` returns, for a settled state, whether it is the awaited one or the previous one.
    """

    path: str
    document_id: str
    is_news: Callable[[Json], bool]

    def has_settled(self, document: Json) -> bool:
        """Return whether the wait for this document is over."""
        return document["status"] in SETTLED and self.is_news(document)


@dataclass(frozen=True, slots=True)
class DocumentWaiter:
    """Waiter that gives up after `seconds` without any document settling."""

    api: Api
    seconds: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def settle(
        self, awaited: Sequence[AwaitedDocument]
    ) -> Iterator[DocumentResult | DocumentProgress]:
        """Yield a result for each document as it settles; those that take too long have failed.

        The progress of large documents is yielded in between, and counts as progress of the wait.
        If the API cannot be reached any more, the remaining documents have failed, too, and then
        the reason is raised.
        """
        pending = list(awaited)
        known: dict[str, DocumentProgress] = {}
        deadline = self.clock() + self.seconds
        pause = _FIRST_PAUSE
        while pending:
            waiting: list[AwaitedDocument] = []
            for news in self._round(pending, waiting, known):
                pause, deadline = _FIRST_PAUSE, self.clock() + self.seconds
                yield news
            pending = waiting
            if pending and self.clock() >= deadline:
                for item in pending:
                    reason = f"Not settled after {self.seconds:g} s; `headrace status` tells later."
                    yield DocumentResult(item.path, "failed", item.document_id, reason)
                return
            if pending:
                self.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 1.5)

    def _round(
        self,
        pending: Sequence[AwaitedDocument],
        waiting: list[AwaitedDocument],
        known: dict[str, DocumentProgress],
    ) -> Iterator[DocumentResult | DocumentProgress]:
        """Poll each of `pending` once and yield what is new; add the rest to `waiting`."""
        for at, item in enumerate(pending):
            try:
                outcome = self._settled(item)
            except CommandError as failure:
                for left in (*waiting, *pending[at:]):
                    reason = f"It is not known whether it settled: {failure}"
                    yield DocumentResult(left.path, "failed", left.document_id, reason)
                raise
            if not isinstance(outcome, DocumentResult):
                waiting.append(item)
            if outcome is not None and outcome != known.get(item.document_id):
                if isinstance(outcome, DocumentProgress):
                    known[item.document_id] = outcome
                yield outcome

    def _settled(self, item: AwaitedDocument) -> DocumentResult | DocumentProgress | None:
        document = find_document(self.api, item.document_id)
        if document is None:
            return None
        if not item.has_settled(document):
            return progress_of(item.path, document)
        return result_of(item.path, document)


def find_document(api: Api, document_id: str) -> Json | None:
    """Return the document, or None if there is none of this id yet."""
    try:
        return api.document(document_id)
    except ApiError as refused:
        if refused.status == 404:
            return None
        raise
