"""S3: buckets and objects on files and SQLite, with versions, multipart uploads and events."""

from localcloud.s3.service import S3Service

__all__ = ["S3Service"]
