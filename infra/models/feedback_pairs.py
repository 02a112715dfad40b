"""Rows for `text_embedder` of what a tenant's people rated, from the stage's bucket.

Passages are those that were embedded: the chunk that holds most of the rated characters, below its
file's name and headings, as it stands in the index.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from botocore.exceptions import ClientError
from pydantic import ValidationError

from chalicelib.contracts.answer_log import QuotedSpan
from chalicelib.contracts.feedback import FeedbackRow
from chalicelib.contracts.ingest import Chunk
from chalicelib.labelling.search_pairs import collect_search_pairs
from chalicelib.retrieval.ids import chunks_key
from chalicelib.retrieval.text.passage_context import passage_context
from infra.models.training import TrainingError
from infra.stages import StageConnection

_GONE = ("404", "NoSuchKey", "NoSuchVersion")


class FeedbackPairs:
    """The ratings of one tenant of a stage."""

    def __init__(self, place: StageConnection, tenant: str) -> None:
        """Read ratings of `tenant` from the bucket of the stage."""
        self._s3 = place.client("s3")
        self._bucket = place.outputs["DocumentsBucketName"]
        self._tenant = tenant
        self._chunks: dict[tuple[str, str], Sequence[Chunk]] = {}

    def write(self, path: Path) -> Mapping[str, int]:
        """Write one line of JSON a pair; return how many ratings and pairs were left out, by why.

        The rows of a question are a group, so that it is not both trained and judged on.

        Raises:
            TrainingError: the tenant has no rating that gives a pair.
            ClientError: AWS refuses.
        """
        dropped: Counter[str] = Counter()
        selection = collect_search_pairs(self._ratings(dropped))
        dropped.update(selection.dropped)
        count = 0
        with path.open("w", encoding="utf-8") as file:
            for pair in selection.pairs:
                passage = self._text(pair.passage)
                if passage is None:
                    dropped["passage_is_gone"] += 1
                    continue
                row = {"id": pair.feedback_id, "group": pair.question, "query": pair.question}
                row["passage"] = passage
                wrong = self._text(pair.wrong) if pair.wrong is not None else None
                if wrong is not None and wrong != passage:
                    row["negative"] = wrong
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        if not count:
            told = ", ".join(f"{name}: {number}" for name, number in dropped.items()) or "none"
            raise TrainingError(
                f"No rating of {self._tenant} names a passage that answers. Left out: {told}."
            )
        return dropped

    def _ratings(self, dropped: Counter[str]) -> Iterator[FeedbackRow]:
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=f"feedback/{self._tenant}/"):
            for each in page.get("Contents", ()):
                body = self._s3.get_object(Bucket=self._bucket, Key=each["Key"])["Body"].read()
                try:
                    yield FeedbackRow.model_validate_json(body)
                except ValidationError:
                    dropped["unreadable"] += 1

    def _text(self, span: QuotedSpan) -> str | None:
        """Return the passage that holds most of a span, None if its document is gone."""
        chunks = [each for each in self._of(span) if each.page == span.page]
        shared = [min(each.end, span.end) - max(each.start, span.start) for each in chunks]
        if not shared or max(shared) <= 0:
            return None
        chunk = chunks[shared.index(max(shared))]
        context = passage_context(span.path, chunk.heading)
        return f"{context}\n{chunk.text}" if context else chunk.text

    def _of(self, span: QuotedSpan) -> Sequence[Chunk]:
        version = (span.document_id, span.version)
        if version not in self._chunks:
            key = chunks_key(self._tenant, *version)
            try:
                body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] not in _GONE:
                    raise
                body = b""
            lines = body.splitlines()  # of bytes: text may hold line separators of Unicode
            self._chunks[version] = [Chunk.model_validate_json(line) for line in lines if line]
        return self._chunks[version]
