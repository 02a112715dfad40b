"""Operations on vector indexes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.clock import Clock, utc
from localcloud.database import Database
from localcloud.errors import unsupported
from localcloud.paging import InvalidToken, page
from localcloud.s3vectors import naming
from localcloud.s3vectors.analysis import ANALYZERS
from localcloud.s3vectors.bucket_operations import (
    MAX_LISTED,
    SSE_S3,
    check_encryption,
    check_mode,
    checked_tags,
)
from localcloud.s3vectors.errors import conflict, invalid, invalid_record, not_found
from localcloud.s3vectors.live import LiveIndexes
from localcloud.s3vectors.records import Terms, terms_of
from localcloud.s3vectors.rows import VectorRows, rewrite_terms
from localcloud.s3vectors.store import Index, Store, write_tags
from localcloud.service import Params, Result, Surroundings

MAX_SEARCHED_KEYS = 10


class IndexOperations:
    """CreateIndex and its kin."""

    def __init__(
        self,
        surroundings: Surroundings,
        database: Database,
        store: Store,
        rows: VectorRows,
        live: LiveIndexes,
        clock: Clock,
    ) -> None:
        """Work on `database`, which `store` and `rows` read, and keep `live` equal to it."""
        self._surroundings = surroundings
        self._database = database
        self._store = store
        self._rows = rows
        self._live = live
        self._clock = clock

    def create_index(self, params: Params) -> Result:
        """Create an index in the bucket's default mode."""
        bucket = self._store.bucket(naming.bucket_of(params))
        name = naming.check_index_name(params["indexName"])
        check_encryption(params)
        configuration = params.get("metadataConfiguration", {})
        hidden = configuration.get("nonFilterableMetadataKeys", [])
        if len(set(hidden)) < len(hidden):
            raise invalid("metadataConfiguration", "Non-filterable metadata keys must be distinct")
        searched = _searched(configuration.get("textSearchConfigurations", []))
        arn = naming.index_arn(self._surroundings, bucket.name, name)
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
                        json.dumps(hidden),
                        json.dumps(searched),
                    ),
                )
                write_tags(connection, arn, checked_tags(params.get("tags", {}), 0))
        except sqlite3.IntegrityError as error:
            if "FOREIGN KEY" in str(error):
                raise not_found("vector bucket") from error
            raise conflict("An index with the specified name already exists") from error
        return {"indexArn": arn}

    def get_index(self, params: Params) -> Result:
        """Describe an index; a text search configuration is ACTIVE as soon as it is there."""
        index = self._store.index(*naming.index_of(params))
        configuration: dict[str, Any] = {}
        if index.non_filterable:
            configuration["nonFilterableMetadataKeys"] = sorted(index.non_filterable)
        if index.text_search:
            configuration["textSearchConfigurations"] = [
                {"metadataKey": key, "status": "ACTIVE"}
                | ({"language": language} if language else {})
                for key, language in index.text_search.items()
            ]
        shown = {
            **_summary(index),
            "dataType": "float32",
            "dimension": index.dimension,
            "distanceMetric": index.metric,
            "encryptionConfiguration": SSE_S3,
            "indexMode": index.mode,
        }
        return {
            "index": shown | ({"metadataConfiguration": configuration} if configuration else {})
        }

    def list_indexes(self, params: Params) -> Result:
        """List the indexes of a bucket by name."""
        bucket = self._store.bucket(naming.bucket_of(params))
        indexes = self._store.indexes(bucket, params.get("prefix", ""))
        try:
            chosen, token = page(
                indexes,
                lambda index: index.name,
                params.get("maxResults", MAX_LISTED),
                params.get("nextToken"),
            )
        except InvalidToken as error:
            raise invalid("nextToken", "Invalid pagination token") from error
        return {"indexes": [_summary(index) for index in chosen], "nextToken": token}

    def delete_index(self, params: Params) -> Result:
        """Delete an index with all its vectors."""
        index = self._store.index(*naming.index_of(params))
        with self._live.alone(index.id):
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM indexes WHERE id = ?", (index.id,))
                connection.execute("DELETE FROM tags WHERE arn = ?", (index.arn,))
            self._live.drop(index.id)
        return {}

    def update_index_mode(self, params: Params) -> Result:
        """Set an index to ENHANCED, which it is."""
        self._store.index(*naming.index_of(params))
        check_mode(params["indexMode"], "indexMode")
        return {}

    def update_metadata_configuration(self, params: Params) -> Result:
        """Add searchable keys, reading what is there already, or take searchable keys away."""
        if ("add" in params) == ("delete" in params):
            raise invalid("add", "Must specify either add or delete but not both")
        found = self._store.index(*naming.index_of(params))
        with self._live.alone(found.id):
            index = self._store.index_by_id(found.id)
            searched = (
                _added(index, params["add"])
                if "add" in params
                else _deleted(index, params["delete"])
            )
            terms = self._terms(index, searched)
            with self._database.transaction() as connection:
                connection.execute(
                    "UPDATE indexes SET text_search = ? WHERE id = ?",
                    (json.dumps(searched), index.id),
                )
                rewrite_terms(connection, index.id, terms)
            self._live.drop(index.id)
        return {"indexArn": index.arn}

    def _terms(self, index: Index, searched: Mapping[str, str | None]) -> dict[str, Terms]:
        terms: dict[str, Terms] = {}
        for record in self._rows.records(index.id):
            for key in searched.keys() & record.metadata.keys():
                value = record.metadata[key]
                texts = value if isinstance(value, list) else [value]
                if not all(isinstance(text, str) for text in texts):
                    raise invalid_record(
                        record.key, f"Metadata value of the searchable key '{key}' must be text"
                    )
            terms[record.key] = terms_of(record.metadata, searched)
        return terms


def _searched(configurations: Sequence[Mapping[str, str]]) -> dict[str, str | None]:
    searched: dict[str, str | None] = {}
    for configuration in configurations:
        key, language = configuration["metadataKey"], configuration.get("language")
        if key in searched:
            raise invalid(
                "textSearchConfigurations", f"Metadata key '{key}' is configured more than once"
            )
        if language not in ANALYZERS:
            raise unsupported("S3 Vectors", f"text analysis in the language '{language}'")
        searched[key] = language
    return searched


def _added(index: Index, add: Mapping[str, Any]) -> dict[str, str | None]:
    added = _searched(add.get("textSearchConfigurations", []))
    if not added:
        raise invalid("add", "Must specify at least one text search configuration")
    for key in added:
        if key in index.text_search:
            raise conflict(f"Metadata key '{key}' already has a text search configuration")
    searched = {**index.text_search, **added}
    if len(searched) > MAX_SEARCHED_KEYS:
        raise invalid("add", f"An index can have at most {MAX_SEARCHED_KEYS} searchable keys")
    return searched


def _deleted(index: Index, delete: Mapping[str, Any]) -> dict[str, str | None]:
    keys = {key["metadataKey"] for key in delete.get("textSearchConfigurations", [])}
    if not keys:
        raise invalid("delete", "Must specify at least one text search configuration")
    for key in keys:
        if key not in index.text_search:
            raise invalid("delete", f"Metadata key '{key}' has no text search configuration")
    return {key: language for key, language in index.text_search.items() if key not in keys}


def _summary(index: Index) -> dict[str, object]:
    return {
        "vectorBucketName": index.bucket,
        "indexName": index.name,
        "indexArn": index.arn,
        "creationTime": utc(index.created_at),
    }
