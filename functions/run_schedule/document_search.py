"""The search of a run for documents: the API's own, without reranking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chalicelib.adapters.records.documents import ApiDocumentTable

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.contracts.schedule_places import SearchSource
    from functions.run_schedule.kind import Run

PASSAGES_A_DOCUMENT = 10
"""Passages that are looked for, for each document that is wanted: several may be of one."""


def document_search(
    table: DynamoTable, embed_function: str
) -> Callable[[Run, SearchSource], Sequence[str]]:
    """Return what finds documents; what it stands on is loaded by the first search."""

    def search(run: Run, source: SearchSource) -> Sequence[str]:
        from chalicelib.adapters import aws
        from chalicelib.adapters.functions import EmbedFunction
        from chalicelib.adapters.passages import Passages
        from chalicelib.adapters.records.feedback import FeedbackTable
        from chalicelib.contracts.search import MAX_TOP_K
        from chalicelib.retrieval.search.query import Query
        from chalicelib.retrieval.search.searcher import Searcher

        records = ApiDocumentTable(table)
        searcher = Searcher(
            EmbedFunction(aws.functions(), embed_function),
            records,
            Passages(aws.s3vectors()),
            records,
            records,
            votes=FeedbackTable(table),
        )
        query = Query(
            tenant=run.tenant,
            text=source.query,
            collection=source.collection,
            top_k=min(source.limit * PASSAGES_A_DOCUMENT, MAX_TOP_K),
            correlation_id=run.correlation_id,
            field="work.source.query",
            filter=source.filter,
            key=run.order.key,
        )
        found = (hit.document_id for hit in searcher.search(query).passages)
        return list(dict.fromkeys(found))[: source.limit]

    return search
