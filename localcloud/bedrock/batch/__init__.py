"""Batch inference: records from S3 are processed one by one and the results written to S3."""
