"""Processing jobs: a program with inputs from S3 and outputs to S3."""
