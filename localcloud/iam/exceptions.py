"""What the audit lets pass: actions that nothing here can use, those without a resource, and those
on everything of a kind.

Keep these tables short: a grant that an end-to-end test could use belongs into a test.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Unseen:
    """Actions that AWS needs of some roles, and that do not occur in the end-to-end tests.

    `owner` is a pattern of roles, or several with | between, `actions` of actions, `resources` of
    ARNs. With `chance`, when things happen decides whether they occur after all.
    """

    owner: str
    actions: tuple[str, ...]
    reason: str
    source: str
    resources: tuple[str, ...] = ("*",)
    chance: bool = False

    def covers(self, owner: str, action: str, resource: str) -> bool:
        """Tell whether this is about `action` of `owner` on `resource`."""
        return (
            any(fnmatchcase(owner, each) for each in self.owner.split("|"))
            and any(fnmatchcase(action.lower(), each.lower()) for each in self.actions)
            and any(fnmatchcase(resource, each) for each in self.resources)
        )


@dataclass(frozen=True, slots=True)
class Broad:
    """Actions on everything of a kind, with a `key` only under a condition that asks for it.

    `resource` is a pattern of the ARNs that are granted.
    """

    actions: tuple[str, ...]
    resource: str
    reason: str
    source: str
    key: str = ""

    def covers(self, action: str, resource: str, keys: Collection[str]) -> bool:
        """Tell whether this is about `action` on `resource` under conditions on `keys`."""
        return (
            action.lower() in map(str.lower, self.actions)
            and fnmatchcase(resource, self.resource)
            and (not self.key or self.key in keys)
        )


@dataclass(frozen=True, slots=True)
class Everywhere:
    """An action whose resource is `*`: AWS can be told none for it, or its own policy for what
    calls it has no narrower one.
    """

    action: str
    source: str


_DOCS = "https://docs.aws.amazon.com"
_MULTIPART = f"{_DOCS}/AmazonS3/latest/userguide/mpuoverview.html"
_BUDGETS = f"{_DOCS}/eventbridge/latest/userguide/eb-putevents.html"
_MAP = f"{_DOCS}/step-functions/latest/dg/iam-policies-eg-dist-map.html"
_PROFILES = f"{_DOCS}/bedrock/latest/userguide/inference-profiles-prereq.html"
_RETRIES = f"{_DOCS}/step-functions/latest/dg/concepts-error-handling.html"
_S3 = f"{_DOCS}/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"
_START = f"{_DOCS}/step-functions/latest/apireference/API_StartExecution.html"

UNSEEN: tuple[Unseen, ...] = (
    Unseen(
        "*Role",
        ("logs:*",),
        "Logs are written by Lambda and Step Functions themselves, here into files.",
        f"{_DOCS}/lambda/latest/dg/monitoring-cloudwatchlogs.html",
    ),
    Unseen(
        "*Role",
        ("xray:*",),
        "Traces are sent by Lambda and Step Functions themselves; there is no X-Ray here.",
        f"{_DOCS}/lambda/latest/dg/services-xray.html",
    ),
    Unseen(
        "*Role",
        ("s3:AbortMultipartUpload",),
        "An upload in parts is given up only when it breaks off, which no test brings about here.",
        _MULTIPART,
        chance=True,
    ),
    Unseen(
        "*MachineRole",
        ("states:DescribeExecution", "states:StopExecution", "s3:ListMultipartUploadParts"),
        "Step Functions follows the children of a distributed Map, and the parts of its results, "
        "within itself here.",
        _MAP,
    ),
    Unseen(
        "[!I]*MachineRole",
        ("dynamodb:UpdateItem",),
        "A machine records that a job failed when a function of it fails; the architecture tests "
        "make each fail.",
        _RETRIES,
    ),
    Unseen(
        "IngestMachineRole",
        ("dynamodb:GetItem",),
        "The machine asks why a part failed when a function of it does; the architecture tests "
        "make each fail.",
        _RETRIES,
    ),
    Unseen(
        "ExecutionEndedRole",
        ("s3:DeleteObjectVersion",),
        "An upload that is removed between its event and its reading leaves upload and ratings "
        "to the settlement; a simulation of ingests brings it about.",
        _S3,
        chance=True,
    ),
    Unseen(
        "SweepRole",
        (
            "s3:DeleteObjectVersion",
            "s3:GetObjectVersion",
            "s3:ListBucketVersions",
            "sqs:SendMessage",
            "states:StartExecution",
        ),
        "The sweep settles as `ExecutionEnded` does, and may do the same, which a test holds; it "
        "also starts what a crash kept from starting, at whatever moment of a run it comes.",
        _START,
        chance=True,
    ),
    Unseen(
        "SweepJobsRole",
        (
            "dynamodb:UpdateItem",
            "events:PutEvents",
            "states:DescribeExecution",
            "states:StartExecution",
        ),
        "The sweep of jobs settles as `JobEnded` does, whatever the job; it also starts what a "
        "crash kept from starting, at whatever moment of a run it comes.",
        _START,
        (
            "*:table/*",
            "*:event-bus/*",
            "*:execution:*-remove:[*]",
            "*:execution:*-reindex:[*]",
            "*:execution:*-batch:[*]",
            "*:execution:*-generate:[*]",
            "*:stateMachine:*",
        ),
        chance=True,
    ),
    Unseen(
        "ObjectCreatedRole",
        ("states:StartExecution",),
        "Only a member of a container that is large goes by a job; tests of the handlers have it.",
        _START,
        ("*:stateMachine:*-remove",),
    ),
    Unseen(
        "ReembedPassagesRole",
        ("s3vectors:DeleteVectors",),
        "Vectors are taken back if their version is replaced between two reads of its record; a "
        "test of the function has it.",
        f"{_DOCS}/AmazonS3/latest/API/API_S3VectorBuckets_DeleteVectors.html",
        chance=True,
    ),
    Unseen(
        "RemoveDataRole",
        ("sqs:SendMessage",),
        "Only a container that is large is removed by a job that tells its members.",
        f"{_DOCS}/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html",
    ),
    Unseen(
        "ExportDocumentsRole",
        ("s3:DeleteObjectVersion", "s3:ListBucketVersions"),
        "An export removes what it wrote if it is cancelled between two of its steps, which are "
        "too short here to be sure to hit.",
        _S3,
        chance=True,
    ),
    Unseen(
        "BatchModelsRole",
        ("s3:ListBucket",),
        "Bedrock lists the records of a job where it is given a folder; ours is given one file.",
        f"{_DOCS}/bedrock/latest/userguide/batch-iam-sr.html",
    ),
    Unseen(
        "GenerateItemsRole|GenerateOneRole|HarvestBatchRole|StreamAnswerRole|StreamChatRole",
        ("dynamodb:DeleteItem", "dynamodb:PutItem", "events:PutEvents", "lambda:InvokeFunction"),
        "Calls of models are paid for and screened by the same code, whoever makes them: the API's "
        "tests begin a tenant's day, use up a budget, tidy days away and screen.",
        _BUDGETS,
        ("*:table/*", "*:event-bus/*", "*:function:*-screen-*", "*:function:*-check-support"),
        chance=True,
    ),
    Unseen(
        "GenerateItemsRole|GenerateOneRole|StreamChatRole",
        ("lambda:InvokeFunction",),
        "Which of the stage's own models a call goes to is decided by its caller: the API's tests "
        "ask each.",
        f"{_DOCS}/lambda/latest/dg/lambda-permissions.html",
        ("*:function:*-text", "*:function:*-image", "*:function:*-answer"),
        chance=True,
    ),
    Unseen(
        "*Role",
        (
            "bedrock:InvokeModel",
            "bedrock:InvokeModelWithResponseStream",
            "bedrock:CreateModelInvocationJob",
        ),
        "Which of the served models a call goes to is decided by its caller and the router; a test "
        "would have to ask each.",
        _PROFILES,
        ("arn:*:bedrock:[*]::foundation-model/*", "*:inference-profile/[*].*"),
        chance=True,
    ),
)

_DELIVERY = "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"
_XRAY = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html"

EVERYWHERE: tuple[Everywhere, ...] = (
    Everywhere(
        "bedrock:ListModelInvocationJobs",
        f"{_DOCS}/bedrock/latest/APIReference/API_ListModelInvocationJobs.html",
    ),
    Everywhere("cloudwatch:PutMetricData", f"{_DOCS}/sagemaker/latest/dg/sagemaker-roles.html"),
    Everywhere("ecr:GetAuthorizationToken", f"{_DOCS}/sagemaker/latest/dg/sagemaker-roles.html"),
    Everywhere("sagemaker:ListTags", f"{_DOCS}/step-functions/latest/dg/sagemaker-iam.html"),
    *(
        Everywhere(f"logs:{action}", _DELIVERY)
        for action in (
            "CreateLogDelivery",
            "GetLogDelivery",
            "UpdateLogDelivery",
            "DeleteLogDelivery",
            "ListLogDeliveries",
            "PutResourcePolicy",
            "DescribeResourcePolicies",
            "DescribeLogGroups",
        )
    ),
    *(
        Everywhere(f"xray:{action}", _XRAY)
        for action in (
            "PutTraceSegments",
            "PutTelemetryRecords",
            "GetSamplingRules",
            "GetSamplingTargets",
        )
    ),
)

BROAD: tuple[Broad, ...] = (
    Broad(
        (
            "bedrock:CreateModelInvocationJob",
            "bedrock:GetModelInvocationJob",
            "bedrock:StopModelInvocationJob",
        ),
        "arn:*:bedrock:*:*:model-invocation-job/*",
        "Bedrock makes up the id of a batch job, so that no policy can name one before.",
        f"{_DOCS}/bedrock/latest/APIReference/API_CreateModelInvocationJob.html",
    ),
    Broad(
        tuple(
            f"logs:{action}"
            for action in (
                "CreateLogGroup",
                "CreateLogStream",
                "DescribeLogGroups",
                "DescribeLogStreams",
                "FilterLogEvents",
                "GetLogEvents",
                "PutLogEvents",
            )
        ),
        "arn:*:logs:*:*:[*]",
        "API Gateway has one role in an account and region for the logs of all its APIs, and makes "
        "sure that it may do what AWS's own policy for it says.",
        f"{_DOCS}/apigateway/latest/developerguide/set-up-logging.html",
    ),
)
