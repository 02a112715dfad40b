"""Operations on vector indexes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.clock import Clock, utc
from localcloud.database import Database
from localcloud.errors import unsupported
from localcloud.pagination import InvalidToken, page
from localcloud.s3vectors import requests
from localcloud.s3vectors.bucket_operations import (
    MAX_PAGE_ITEMS,
    SSE_S3,
    check_encryption,
    check_index_mode,
    check_tags,
)
from localcloud.s3vectors.bucket_store import StoredIndex, VectorBucketStore, write_tags
from localcloud.s3vectors.full_text import ANALYZERS
from localcloud.s3vectors.memory_index import MemoryIndexCache
from localcloud.s3vectors.records import TermCounts, count_terms
from localcloud.s3vectors.requests import (
    conflict_error,
    not_found_error,
    record_error,
    validation_error,
)
from localcloud.s3vectors.vector_store import VectorStore, rewrite_terms
from localcloud.service import CloudContext, Params, Result

MAX_SEARCHED_KEYS = 10


class IndexOperations:
    """The operations on vector indexes."""

    def __init__(
        self,
        surroundings: CloudContext,
        database: Database,
        store: VectorBucketStore,
        rows: VectorStore,
        memory: MemoryIndexCache,
        clock: Clock,
    ) -> None:
        """Write to `database`, which `store` and `rows` read, and keep `memory` equal to it."""
        self._surroundings = surroundings
        self._database = database
        self._store = store
        self._rows = rows
        self._memory = memory
        self._clock = clock

    def create_index(self, params: Params) -> Result:
        """Create an index in the bucket's default mode."""
        bucket = self._store.bucket(requests.requested_bucket(params))
        name = requests.check_index_name(params["indexName"])
        check_encryption(params)
        configuration = params.get("metadataConfiguration", {})
        non_filterable = configuration.get("nonFilterableMetadataKeys", [])
        if len(set(non_filterable)) < len(non_filterable):
            raise validation_error(
                "metadataConfiguration", "Non-filterable metadata keys must be distinct"
            )
        text_search = _parse_text_search(configuration.get("textSearchConfigurations", []))
        arn = requests.index_arn(self._surroundings, bucket.name, name)
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO indexes (bucket_id, name, arn, created_at, dimension, metric,"
                    " mode, non_filterable, text_search) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        bucket.id,
                        name,
                        arn,
                        self._clock(),
                        params["dimension"],
                        params["distanceMetric"],
                        bucket.default_mode,
                        json.dumps(non_filterable),
                        json.dumps(text_search),
                    ),
                )
                write_tags(connection, arn, check_tags(params.get("tags", {}), 0))
        except sqlite3.IntegrityError as error:
            if "FOREIGN KEY" in str(error):
                raise not_found_error("vector bucket") from error
            raise conflict_error("An index with the specified name already exists") from error
        return {"indexArn": arn}

    def get_index(self, params: Params) -> Result:
        """Return the description of an index. A text search configuration is ACTIVE at once."""
        index = self._store.index(*requests.requested_index(params))
        configuration: dict[str, Any] = {}
        if index.non_filterable:
            configuration["nonFilterableMetadataKeys"] = sorted(index.non_filterable)
        if index.text_search:
            configuration["textSearchConfigurations"] = [
                {"metadataKey": key, "status": "ACTIVE"}
                | ({"language": language} if language else {})
                for key, language in index.text_search.items()
            ]
        description = {
            **_summary(index),
            "dataType": "float32",
            "dimension": index.dimension,
            "distanceMetric": index.metric,
            "encryptionConfiguration": SSE_S3,
            "indexMode": index.mode,
        }
        return {
            "index": description
            | ({"metadataConfiguration": configuration} if configuration else {})
        }

    def list_indexes(self, params: Params) -> Result:
        """List the indexes of a bucket by name."""
        bucket = self._store.bucket(requests.requested_bucket(params))
        indexes = self._store.indexes(bucket, params.get("prefix", ""))
        try:
            chosen, token = page(
                indexes,
                lambda index: index.name,
                params.get("maxResults", MAX_PAGE_ITEMS),
                params.get("nextToken"),
            )
        except InvalidToken as error:
            raise validation_error("nextToken", "Invalid pagination token") from error
        return {"indexes": [_summary(index) for index in chosen], "nextToken": token}

    def delete_index(self, params: Params) -> Result:
        """Delete an index with all its vectors."""
        index = self._store.index(*requests.requested_index(params))
        with self._memory.locked(index.id):
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM indexes WHERE id = ?", (index.id,))
                connection.execute("DELETE FROM tags WHERE arn = ?", (index.arn,))
            self._memory.drop(index.id)
        return {}

    def update_index_mode(self, params: Params) -> Result:
        """Accept ENHANCED, the mode that every index has. Raises ValidationException otherwise."""
        self._store.index(*requests.requested_index(params))
        check_index_mode(params["indexMode"], "indexMode")
        return {}

    def update_metadata_configuration(self, params: Params) -> Result:
        """Add searchable keys, which indexes the stored vectors by them, or remove some."""
        if ("add" in params) == ("delete" in params):
            raise validation_error("add", "Must specify either add or delete but not both")
        found = self._store.index(*requests.requested_index(params))
        with self._memory.locked(found.id):
            index = self._store.index_by_id(found.id)
            text_search = (
                _with_added_keys(index, params["add"])
                if "add" in params
                else _without_deleted_keys(index, params["delete"])
            )
            terms = self._terms(index, text_search)
            with self._database.transaction() as connection:
                connection.execute(
                    "UPDATE indexes SET text_search = ? WHERE id = ?",
                    (json.dumps(text_search), index.id),
                )
                rewrite_terms(connection, index.id, terms)
            self._memory.drop(index.id)
        return {"indexArn": index.arn}

    def _terms(
        self, index: StoredIndex, text_search: Mapping[str, str | None]
    ) -> dict[str, TermCounts]:
        terms: dict[str, TermCounts] = {}
        for record in self._rows.records(index.id):
            for key in text_search.keys() & record.metadata.keys():
                value = record.metadata[key]
                texts = value if isinstance(value, list) else [value]
                if not all(isinstance(text, str) for text in texts):
                    raise record_error(
                        record.key, f"Metadata value of the searchable key '{key}' must be text"
                    )
            terms[record.key] = count_terms(record.metadata, text_search)
        return terms


def _parse_text_search(configurations: Sequence[Mapping[str, str]]) -> dict[str, str | None]:
    text_search: dict[str, str | None] = {}
    for configuration in configurations:
        key, language = configuration["metadataKey"], configuration.get("language")
        if key in text_search:
            raise validation_error(
                "textSearchConfigurations", f"Metadata key '{key}' is configured more than once"
            )
        if language not in ANALYZERS:
            raise unsupported("S3 Vectors", f"text analysis in the language '{language}'")
        text_search[key] = language
    return text_search


def _with_added_keys(index: StoredIndex, add: Mapping[str, Any]) -> dict[str, str | None]:
    added = _parse_text_search(add.get("textSearchConfigurations", []))
    if not added:
        raise validation_error("add", "Must specify at least one text search configuration")
    for key in added:
        if key in index.text_search:
            raise conflict_error(f"Metadata key '{key}' already has a text search configuration")
    text_search = {**index.text_search, **added}
    if len(text_search) > MAX_SEARCHED_KEYS:
        raise validation_error(
            "add", f"An index can have at most {MAX_SEARCHED_KEYS} searchable keys"
        )
    return text_search


def _without_deleted_keys(index: StoredIndex, delete: Mapping[str, Any]) -> dict[str, str | None]:
    keys = {key["metadataKey"] for key in delete.get("textSearchConfigurations", [])}
    if not keys:
        raise validation_error("delete", "Must specify at least one text search configuration")
    for key in keys:
        if key not in index.text_search:
            raise validation_error(
                "delete", f"Metadata key '{key}' has no text search configuration"
            )
    return {key: language for key, language in index.text_search.items() if key not in keys}


def _summary(index: StoredIndex) -> dict[str, object]:
    return {
        "vectorBucketName": index.bucket,
        "indexName": index.name,
        "indexArn": index.arn,
        "creationTime": utc(index.created_at),
    }
