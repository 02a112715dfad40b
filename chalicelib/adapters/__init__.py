"""Adapters to AWS, the only users of boto3. Every adapter raises only `chalicelib.errors`."""
