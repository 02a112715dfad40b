"""Adapters of AWS services: only they use boto3, and they raise only `chalicelib.errors`."""
