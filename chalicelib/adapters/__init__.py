"""What speaks boto3, and nothing else does. Every adapter raises only `chalicelib.errors`."""
