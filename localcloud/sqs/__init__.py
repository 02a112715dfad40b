"""SQS: queues that survive a kill, with the rules of the Developer Guide."""

from localcloud.sqs.service import SqsService

__all__ = ["SqsService"]
