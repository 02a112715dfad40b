"""Batch inference: many records from S3, answered one after the other, written back to S3."""
