"""SQS with durable queues, by the rules of the Developer Guide."""

from localcloud.sqs.service import SqsService

__all__ = ["SqsService"]
