"""The store, runner, programs and S3 transfers that all kinds of jobs share."""
