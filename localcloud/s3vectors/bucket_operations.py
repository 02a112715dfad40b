"""Operations on vector buckets, their policies, and tags."""

from __future__ import annotations

import json
import sqlite3

from localcloud.clock import Clock, utc
from localcloud.database import Database
from localcloud.errors import unsupported
from localcloud.pagination import InvalidToken, page
from localcloud.s3vectors import requests
from localcloud.s3vectors.bucket_store import (
    ENHANCED,
    VectorBucket,
    VectorBucketStore,
    remove_tags,
    write_tags,
)
from localcloud.s3vectors.requests import (
    conflict_error,
    not_found_error,
    quota_error,
    validation_error,
)
from localcloud.service import CloudContext, Params, Result

MAX_TAGS = 50
MAX_PAGE_ITEMS = 500
SSE_S3 = {"sseType": "AES256"}


class VectorBucketOperations:
    """The operations on vector buckets and their policies, and on tags of buckets and indexes."""

    def __init__(
        self, surroundings: CloudContext, database: Database, store: VectorBucketStore, clock: Clock
    ) -> None:
        """Write to `database`, which `store` reads."""
        self._surroundings = surroundings
        self._database = database
        self._store = store
        self._clock = clock

    def create_vector_bucket(self, params: Params) -> Result:
        """Create a bucket with ENHANCED indexes, as every bucket has since 2026-09-30."""
        name = requests.check_bucket_name(params["vectorBucketName"])
        check_encryption(params)
        arn = requests.bucket_arn(self._surroundings, name)
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO buckets (name, arn, created_at, default_mode) VALUES (?, ?, ?, ?)",
                    (name, arn, self._clock(), ENHANCED),
                )
                write_tags(connection, arn, check_tags(params.get("tags", {}), 0))
        except sqlite3.IntegrityError as error:
            raise conflict_error(
                "A vector bucket with the specified name already exists"
            ) from error
        return {"vectorBucketArn": arn}

    def get_vector_bucket(self, params: Params) -> Result:
        """Return the description of a bucket."""
        bucket = self._store.bucket(requests.requested_bucket(params))
        description = {
            **_summary(bucket),
            "encryptionConfiguration": SSE_S3,
            "defaultIndexMode": bucket.default_mode,
        }
        return {"vectorBucket": description}

    def list_vector_buckets(self, params: Params) -> Result:
        """List buckets by name."""
        buckets = self._store.buckets(params.get("prefix", ""))
        try:
            chosen, token = page(
                buckets,
                lambda bucket: bucket.name,
                params.get("maxResults", MAX_PAGE_ITEMS),
                params.get("nextToken"),
            )
        except InvalidToken as error:
            raise validation_error("nextToken", "Invalid pagination token") from error
        return {"vectorBuckets": [_summary(bucket) for bucket in chosen], "nextToken": token}

    def delete_vector_bucket(self, params: Params) -> Result:
        """Delete a bucket that has no indexes."""
        bucket = self._store.bucket(requests.requested_bucket(params))
        try:
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM buckets WHERE id = ?", (bucket.id,))
                connection.execute("DELETE FROM tags WHERE arn = ?", (bucket.arn,))
        except sqlite3.IntegrityError as error:
            raise conflict_error("The specified vector bucket is not empty") from error
        return {}

    def put_vector_bucket_default_index_mode(self, params: Params) -> Result:
        """Set the mode of indexes that are created from now on."""
        bucket = self._store.bucket(requests.requested_bucket(params))
        check_index_mode(params["defaultIndexMode"], "defaultIndexMode")
        self._database.write(
            "UPDATE buckets SET default_mode = ? WHERE id = ?",
            params["defaultIndexMode"],
            bucket.id,
        )
        return {}

    def put_vector_bucket_policy(self, params: Params) -> Result:
        """Store a bucket's policy. The local cloud does not evaluate it."""
        bucket = self._store.bucket(requests.requested_bucket(params))
        try:
            policy = json.loads(params["policy"])
        except ValueError as error:
            raise validation_error("policy", "Policy must be a valid JSON document") from error
        if not isinstance(policy, dict) or "Statement" not in policy:
            raise validation_error("policy", "Policy must be an object with a Statement")
        self._database.write(
            "UPDATE buckets SET policy = ? WHERE id = ?", params["policy"], bucket.id
        )
        return {}

    def get_vector_bucket_policy(self, params: Params) -> Result:
        """Return a bucket's policy."""
        bucket = self._store.bucket(requests.requested_bucket(params))
        if bucket.policy is None:
            raise not_found_error("vector bucket policy")
        return {"policy": bucket.policy}

    def delete_vector_bucket_policy(self, params: Params) -> Result:
        """Remove a bucket's policy."""
        bucket = self._store.bucket(requests.requested_bucket(params))
        self._database.write("UPDATE buckets SET policy = NULL WHERE id = ?", bucket.id)
        return {}

    def tag_resource(self, params: Params) -> Result:
        """Add tags to a bucket or an index."""
        arn = self._existing_arn(params)
        tags = params["tags"]
        others = len(self._store.tags(arn).keys() - tags.keys())
        with self._database.transaction() as connection:
            write_tags(connection, arn, check_tags(tags, others))
        return {}

    def untag_resource(self, params: Params) -> Result:
        """Remove tags from a bucket or an index."""
        arn = self._existing_arn(params)
        with self._database.transaction() as connection:
            remove_tags(connection, arn, params["tagKeys"])
        return {}

    def list_tags_for_resource(self, params: Params) -> Result:
        """Return the tags of a bucket or an index."""
        return {"tags": self._store.tags(self._existing_arn(params))}

    def _existing_arn(self, params: Params) -> str:
        arn = str(params["resourceArn"])
        bucket, index = requests.parse_arn(arn, "resourceArn")
        if index is None:
            self._store.bucket(bucket)
        else:
            self._store.index(bucket, index)
        return arn


def check_tags(tags: dict[str, str], others: int) -> dict[str, str]:
    """Return `tags` if they are valid on a resource that has `others` further tags.

    Raises ValidationException or ServiceQuotaExceededException.
    """
    if any(key.startswith("aws:") for key in tags):
        raise validation_error("tags", "Tag keys must not start with 'aws:'")
    if len(tags) + others > MAX_TAGS:
        raise quota_error(f"A resource can have at most {MAX_TAGS} tags")
    return tags


def check_encryption(params: Params) -> None:
    """Raise UnsupportedOperation for encryption other than SSE-S3."""
    configuration = params.get("encryptionConfiguration", {})
    if configuration.get("sseType", "AES256") != "AES256" or "kmsKeyArn" in configuration:
        raise unsupported("S3 Vectors", "encryption with KMS keys")


def check_index_mode(mode: str, path: str) -> None:
    """Raise ValidationException for CLASSIC, which only buckets from before 2026-09-30 have.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-index-mode.html
    """
    if mode != ENHANCED:
        raise validation_error(
            path,
            "CLASSIC is only available for vector buckets created before September 30, 2026",
        )


def _summary(bucket: VectorBucket) -> dict[str, object]:
    return {
        "vectorBucketName": bucket.name,
        "vectorBucketArn": bucket.arn,
        "creationTime": utc(bucket.created_at),
    }
