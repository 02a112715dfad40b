"""Operations on vector buckets, their policies, and tags."""

from __future__ import annotations

import json
import sqlite3

from localcloud.clock import Clock, utc
from localcloud.database import Database
from localcloud.errors import unsupported
from localcloud.paging import InvalidToken, page
from localcloud.s3vectors import naming
from localcloud.s3vectors.errors import conflict, invalid, not_found, too_many
from localcloud.s3vectors.store import (
    ENHANCED,
    Bucket,
    Store,
    remove_tags,
    write_tags,
)
from localcloud.service import Params, Result, Surroundings

MAX_TAGS = 50
MAX_LISTED = 500
SSE_S3 = {"sseType": "AES256"}


class BucketOperations:
    """CreateVectorBucket and its kin, bucket policies, and tags of buckets and indexes."""

    def __init__(
        self, surroundings: Surroundings, database: Database, store: Store, clock: Clock
    ) -> None:
        """Work on `database`, which `store` reads."""
        self._surroundings = surroundings
        self._database = database
        self._store = store
        self._clock = clock

    def create_vector_bucket(self, params: Params) -> Result:
        """Create a bucket; its indexes are ENHANCED, as in every bucket since 2026-09-30."""
        name = naming.check_bucket_name(params["vectorBucketName"])
        check_encryption(params)
        arn = naming.bucket_arn(self._surroundings, name)
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO buckets (name, arn, created_at, default_mode) VALUES (?, ?, ?, ?)",
                    (name, arn, self._clock(), ENHANCED),
                )
                write_tags(connection, arn, checked_tags(params.get("tags", {}), 0))
        except sqlite3.IntegrityError as error:
            raise conflict("A vector bucket with the specified name already exists") from error
        return {"vectorBucketArn": arn}

    def get_vector_bucket(self, params: Params) -> Result:
        """Describe a bucket."""
        bucket = self._store.bucket(naming.bucket_of(params))
        shown = {
            **_summary(bucket),
            "encryptionConfiguration": SSE_S3,
            "defaultIndexMode": bucket.default_mode,
        }
        return {"vectorBucket": shown}

    def list_vector_buckets(self, params: Params) -> Result:
        """List buckets by name."""
        buckets = self._store.buckets(params.get("prefix", ""))
        try:
            chosen, token = page(
                buckets,
                lambda bucket: bucket.name,
                params.get("maxResults", MAX_LISTED),
                params.get("nextToken"),
            )
        except InvalidToken as error:
            raise invalid("nextToken", "Invalid pagination token") from error
        return {"vectorBuckets": [_summary(bucket) for bucket in chosen], "nextToken": token}

    def delete_vector_bucket(self, params: Params) -> Result:
        """Delete a bucket that has no indexes."""
        bucket = self._store.bucket(naming.bucket_of(params))
        try:
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM buckets WHERE id = ?", (bucket.id,))
                connection.execute("DELETE FROM tags WHERE arn = ?", (bucket.arn,))
        except sqlite3.IntegrityError as error:
            raise conflict("The specified vector bucket is not empty") from error
        return {}

    def put_vector_bucket_default_index_mode(self, params: Params) -> Result:
        """Set the mode of indexes to come."""
        bucket = self._store.bucket(naming.bucket_of(params))
        check_mode(params["defaultIndexMode"], "defaultIndexMode")
        self._database.write(
            "UPDATE buckets SET default_mode = ? WHERE id = ?",
            params["defaultIndexMode"],
            bucket.id,
        )
        return {}

    def put_vector_bucket_policy(self, params: Params) -> Result:
        """Keep a bucket's policy. The local cloud stores it and evaluates none."""
        bucket = self._store.bucket(naming.bucket_of(params))
        try:
            policy = json.loads(params["policy"])
        except ValueError as error:
            raise invalid("policy", "Policy must be a valid JSON document") from error
        if not isinstance(policy, dict) or "Statement" not in policy:
            raise invalid("policy", "Policy must be an object with a Statement")
        self._database.write(
            "UPDATE buckets SET policy = ? WHERE id = ?", params["policy"], bucket.id
        )
        return {}

    def get_vector_bucket_policy(self, params: Params) -> Result:
        """Return a bucket's policy."""
        bucket = self._store.bucket(naming.bucket_of(params))
        if bucket.policy is None:
            raise not_found("vector bucket policy")
        return {"policy": bucket.policy}

    def delete_vector_bucket_policy(self, params: Params) -> Result:
        """Remove a bucket's policy."""
        bucket = self._store.bucket(naming.bucket_of(params))
        self._database.write("UPDATE buckets SET policy = NULL WHERE id = ?", bucket.id)
        return {}

    def tag_resource(self, params: Params) -> Result:
        """Add tags to a bucket or an index."""
        arn = self._existing(params)
        given = params["tags"]
        others = len(self._store.tags(arn).keys() - given.keys())
        with self._database.transaction() as connection:
            write_tags(connection, arn, checked_tags(given, others))
        return {}

    def untag_resource(self, params: Params) -> Result:
        """Remove tags from a bucket or an index."""
        arn = self._existing(params)
        with self._database.transaction() as connection:
            remove_tags(connection, arn, params["tagKeys"])
        return {}

    def list_tags_for_resource(self, params: Params) -> Result:
        """Return the tags of a bucket or an index."""
        return {"tags": self._store.tags(self._existing(params))}

    def _existing(self, params: Params) -> str:
        arn = str(params["resourceArn"])
        bucket, index = naming.split_arn(arn, "resourceArn")
        if index is None:
            self._store.bucket(bucket)
        else:
            self._store.index(bucket, index)
        return arn


def checked_tags(tags: dict[str, str], others: int) -> dict[str, str]:
    """Return `tags` if a resource with `others` further ones may have them."""
    if any(key.startswith("aws:") for key in tags):
        raise invalid("tags", "Tag keys must not start with 'aws:'")
    if len(tags) + others > MAX_TAGS:
        raise too_many(f"A resource can have at most {MAX_TAGS} tags")
    return tags


def check_encryption(params: Params) -> None:
    """Refuse encryption that the local cloud does not do."""
    configuration = params.get("encryptionConfiguration", {})
    if configuration.get("sseType", "AES256") != "AES256" or "kmsKeyArn" in configuration:
        raise unsupported("S3 Vectors", "encryption with KMS keys")


def check_mode(mode: str, path: str) -> None:
    """Refuse CLASSIC, which only buckets from before 2026-09-30 may have.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-index-mode.html
    """
    if mode != ENHANCED:
        raise invalid(
            path,
            "CLASSIC is only available for vector buckets created before September 30, 2026",
        )


def _summary(bucket: Bucket) -> dict[str, object]:
    return {
        "vectorBucketName": bucket.name,
        "vectorBucketArn": bucket.arn,
        "creationTime": utc(bucket.created_at),
    }
