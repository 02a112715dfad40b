"""Amazon S3 Vectors: exact vector search, BM25 and their fusion, on SQLite and NumPy."""

from localcloud.s3vectors.service import S3VectorsService

__all__ = ["S3VectorsService"]
