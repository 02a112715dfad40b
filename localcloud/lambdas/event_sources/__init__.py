"""Event source mappings: SQS queues whose messages invoke functions."""
