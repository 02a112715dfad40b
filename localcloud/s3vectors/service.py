"""The Amazon S3 Vectors service (botocore's `s3vectors`)."""

from __future__ import annotations

import time

from localcloud.clock import Clock
from localcloud.s3vectors.bucket_operations import VectorBucketOperations
from localcloud.s3vectors.bucket_store import VectorBucketStore, open_database
from localcloud.s3vectors.index_operations import IndexOperations
from localcloud.s3vectors.memory_index import MemoryIndex, MemoryIndexCache
from localcloud.s3vectors.query_operations import QueryOperations
from localcloud.s3vectors.vector_operations import VectorOperations
from localcloud.s3vectors.vector_store import VectorStore
from localcloud.service import CloudContext


class S3VectorsService:
    """S3 Vectors: buckets, indexes and vectors in SQLite; an index is in memory once queried."""

    name = "s3vectors"

    def __init__(self, surroundings: CloudContext, clock: Clock = time.time) -> None:
        """Open the database in the data folder; no index is read into memory yet."""
        self._database = open_database(surroundings.folder("s3vectors"))
        store = VectorBucketStore(self._database)
        rows = VectorStore(self._database)
        memory = MemoryIndexCache(
            lambda index: MemoryIndex(store.index_by_id(index), rows.records(index))
        )

        on_buckets = VectorBucketOperations(surroundings, self._database, store, clock)
        self.create_vector_bucket = on_buckets.create_vector_bucket
        self.get_vector_bucket = on_buckets.get_vector_bucket
        self.list_vector_buckets = on_buckets.list_vector_buckets
        self.delete_vector_bucket = on_buckets.delete_vector_bucket
        self.put_vector_bucket_default_index_mode = on_buckets.put_vector_bucket_default_index_mode
        self.put_vector_bucket_policy = on_buckets.put_vector_bucket_policy
        self.get_vector_bucket_policy = on_buckets.get_vector_bucket_policy
        self.delete_vector_bucket_policy = on_buckets.delete_vector_bucket_policy
        self.tag_resource = on_buckets.tag_resource
        self.untag_resource = on_buckets.untag_resource
        self.list_tags_for_resource = on_buckets.list_tags_for_resource

        on_indexes = IndexOperations(surroundings, self._database, store, rows, memory, clock)
        self.create_index = on_indexes.create_index
        self.get_index = on_indexes.get_index
        self.list_indexes = on_indexes.list_indexes
        self.delete_index = on_indexes.delete_index
        self.update_index_mode = on_indexes.update_index_mode
        self.update_metadata_configuration = on_indexes.update_metadata_configuration

        on_vectors = VectorOperations(store, rows, memory)
        self.put_vectors = on_vectors.put_vectors
        self.get_vectors = on_vectors.get_vectors
        self.delete_vectors = on_vectors.delete_vectors
        self.list_vectors = on_vectors.list_vectors

        self.query_vectors = QueryOperations(store, rows, memory).query_vectors

    def start(self) -> None:
        """Do nothing: the service has no background work."""

    def stop(self) -> None:
        """Close the database."""
        self._database.close()
