"""The EventBridge event of a batch job's change of status.

https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge-how-it-works.html
"""

from __future__ import annotations

from typing import Any

from localcloud.bedrock.batch.jobs import Job
from localcloud.clock import iso, utc
from localcloud.service import CloudContext


def status_event(surroundings: CloudContext, job: Job, arn: str) -> dict[str, Any]:
    """Return the event that tells of the status that `job` has now."""
    model = str(job.asked["modelId"])
    if not model.startswith("arn:"):
        model = f"arn:aws:bedrock:{surroundings.region}::foundation-model/{model}"
    created = utc(job.submitted_at)
    return {
        "source": "aws.bedrock",
        "detail-type": "Batch Inference Job State Change",
        "time": iso(job.modified_at),
        "resources": [arn],
        "detail": {
            "version": "0.0",
            "accountId": surroundings.account_id,
            "batchJobName": job.asked["jobName"],
            "batchJobArn": arn,
            "batchModelId": model,
            "status": job.status,
            "failureMessage": job.message or "",
            "creationTime": f"{created:%b} {created.day}, {created:%Y, %I:%M:%S %p}",
        },
    }
