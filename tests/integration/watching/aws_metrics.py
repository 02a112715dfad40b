"""Metrics that AWS writes by itself, and by which dimensions each can be asked for."""

from __future__ import annotations

AWS_METRICS: dict[tuple[str, str], frozenset[frozenset[str]]] = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", "Throttles"): frozenset({frozenset(), frozenset({"FunctionName"})}),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): frozenset({frozenset({"QueueName"})}),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): frozenset({frozenset({"QueueName"})}),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): frozenset({frozenset({"QueueName"})}),
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    ("AWS/States", "ThrottledEvents"): frozenset({frozenset({"ServiceMetric"})}),
    ("AWS/States", "ExecutionsStarted"): frozenset({frozenset({"StateMachineArn"})}),
    ("AWS/States", "ExecutionsFailed"): frozenset({frozenset({"StateMachineArn"})}),
    ("AWS/States", "ExecutionsTimedOut"): frozenset({frozenset({"StateMachineArn"})}),
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    ("AWS/ApiGateway", "Count"): frozenset({frozenset({"ApiName", "Stage"})}),
    ("AWS/ApiGateway", "4XXError"): frozenset({frozenset({"ApiName", "Stage"})}),
    ("AWS/ApiGateway", "5XXError"): frozenset({frozenset({"ApiName", "Stage"})}),
    ("AWS/ApiGateway", "Latency"): frozenset({frozenset({"ApiName", "Stage"})}),
}
