"""AWS's JSON protocols, read and written by botocore's service models."""
