"""Exceptions of the permission audit: grants that are right although the audit cannot see why.

These are actions that no end-to-end test uses, actions without resources, and actions on all
resources of a type. Keep the tables short: a grant that a test could use should have that test.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class UntestedGrant:
    """Actions that roles require on AWS and that the end-to-end tests do not cause.

    Attributes:
        owner: a pattern of logical ids of roles, or several separated by `|`.
        actions: patterns of actions.
        reason: why the tests do not cause them.
        source: the address of AWS's page.
        resources: patterns of ARNs.
        occasional: whether timing decides if the tests cause them after all.
    """

    owner: str
    actions: tuple[str, ...]
    reason: str
    source: str
    resources: tuple[str, ...] = ("*",)
    occasional: bool = False

    def covers(self, owner: str, action: str, resource: str) -> bool:
        """Return whether the exception applies to `action` of `owner` on `resource`."""
        return (
            any(fnmatchcase(owner, each) for each in self.owner.split("|"))
            and any(fnmatchcase(action.lower(), each.lower()) for each in self.actions)
            and any(fnmatchcase(resource, each) for each in self.resources)
        )


@dataclass(frozen=True, slots=True)
class BroadGrant:
    """Actions that may be granted on all resources of a type.

    `resource` is a pattern of the granted ARNs. With a `key` the statement must have a condition
    on that context key.
    """

    actions: tuple[str, ...]
    resource: str
    reason: str
    source: str
    key: str = ""

    def covers(self, action: str, resource: str, keys: Collection[str]) -> bool:
        """Return whether the exception applies, given the context keys of the statement."""
        return (
            action.lower() in map(str.lower, self.actions)
            and fnmatchcase(resource, self.resource)
            and (not self.key or self.key in keys)
        )


@dataclass(frozen=True, slots=True)
class UnscopedAction:
    """An action that may be granted on `*`: it has no resources, or AWS's own policy uses `*`."""

    action: str
    source: str


_DOCS = "https://docs.aws.amazon.com"
_SERVICES = f"{_DOCS}/service-authorization/latest/reference"
_MULTIPART = f"{_DOCS}/AmazonS3/latest/userguide/mpuoverview.html"
_BUDGETS = f"{_DOCS}/eventbridge/latest/userguide/eb-putevents.html"
_MAP = f"{_DOCS}/step-functions/latest/dg/iam-policies-eg-dist-map.html"
_PROFILES = f"{_DOCS}/bedrock/latest/userguide/inference-profiles-prereq.html"
_RETRIES = f"{_DOCS}/step-functions/latest/dg/concepts-error-handling.html"
_SQS = f"{_DOCS}/AWSSimpleQueueService/latest"
_VISIBILITY = f"{_SQS}/APIReference/API_ChangeMessageVisibility.html"
_S3 = f"{_DOCS}/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"
_START = f"{_DOCS}/step-functions/latest/apireference/API_StartExecution.html"

UNTESTED_GRANTS: tuple[UntestedGrant, ...] = (
    UntestedGrant(
        "*Role",
        ("logs:*",),
        "Lambda and Step Functions write logs themselves; in the local cloud they are files.",
        f"{_DOCS}/lambda/latest/dg/monitoring-cloudwatchlogs.html",
    ),
    UntestedGrant(
        "*Role",
        ("xray:*",),
        "Lambda and Step Functions send traces themselves; the local cloud has no X-Ray.",
        f"{_DOCS}/lambda/latest/dg/services-xray.html",
    ),
    UntestedGrant(
        "*Role",
        ("s3:AbortMultipartUpload",),
        "A multipart upload is aborted only if it fails halfway, which no test here causes.",
        _MULTIPART,
        occasional=True,
    ),
    UntestedGrant(
        "*MachineRole",
        ("states:DescribeExecution", "states:StopExecution", "s3:ListMultipartUploadParts"),
        "The local Step Functions follows the child executions of a map run, and the parts of its "
        "results, without calling these operations.",
        _MAP,
    ),
    UntestedGrant(
        "[!IS]*MachineRole",
        ("dynamodb:UpdateItem",),
        "A state machine records a failed job when one of its functions fails; the architecture "
        "tests make each fail.",
        _RETRIES,
    ),
    UntestedGrant(
        "IngestMachineRole",
        ("dynamodb:GetItem",),
        "The state machine reads why a part failed when one of its functions fails; the "
        "architecture tests make each fail.",
        _RETRIES,
    ),
    UntestedGrant(
        "ExecutionEndedRole|ExtractFieldsRole",
        ("s3:DeleteObjectVersion", "s3:ListBucketVersions", "s3vectors:DeleteVectors"),
        "The settlement deletes upload and ratings only if the upload is removed between its "
        "event and its reading; a simulation of ingests causes this. Files and vectors of an "
        "extraction are deleted again if its document is removed while it is read; tests of the "
        "function do.",
        _S3,
        occasional=True,
    ),
    UntestedGrant(
        "SweepRole",
        (
            "dynamodb:ConditionCheckItem",
            "dynamodb:PutItem",
            "s3:DeleteObjectVersion",
            "s3:GetObjectVersion",
            "s3:ListBucketVersions",
            "sqs:SendMessage",
            "states:StartExecution",
        ),
        "The sweep settles and admits as `ExecutionEnded` does and has the same permissions, which "
        "a test checks; it also starts what a crash prevented from starting, at any moment.",
        _START,
        occasional=True,
    ),
    UntestedGrant(
        "SweepJobsRole|ScheduleDueRole",
        (
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "events:PutEvents",
            "iam:PassRole",
            "scheduler:CreateSchedule",
            "scheduler:UpdateSchedule",
            "scheduler:DeleteSchedule",
            "states:DescribeExecution",
            "states:StartExecution",
        ),
        "The sweep of jobs settles as `JobEnded` does, for any job, and begins runs as "
        "`ScheduleDue` does; it also starts what a crash prevented from starting, at any moment of "
        "a run, and makes entries of schedules anew. A time that is due settles a run only if its "
        "tenant is being removed.",
        _START,
        (
            "*:table/*",
            "*:event-bus/*",
            "*:schedule/*",
            "*:role/*",
            "*:execution:*-schedule:[*]",
            "*:execution:*-remove:[*]",
            "*:execution:*-reindex:[*]",
            "*:execution:*-batch:[*]",
            "*:execution:*-generate:[*]",
            "*:execution:*-evaluate:[*]",
            "*:execution:*-rollout:[*]",
            "*:execution:*-extract:[*]",
            "*:stateMachine:*",
        ),
        occasional=True,
    ),
    UntestedGrant(
        "ObjectCreatedRole",
        ("sqs:ChangeMessageVisibility",),
        "Only a retry that is asked for in the second before its failure is settled stays in the "
        "queue; tests of the handlers cover it.",
        _VISIBILITY,
        occasional=True,
    ),
    UntestedGrant(
        "ObjectCreatedRole",
        ("states:StartExecution",),
        "Only members of a large container are removed by a job; tests of the handlers cover it.",
        _START,
        ("*:stateMachine:*-remove",),
    ),
    UntestedGrant(
        "ReembedPassagesRole",
        ("s3vectors:DeleteVectors",),
        "Vectors are deleted again if their version is replaced between two reads of its record; "
        "a test of the function covers it.",
        f"{_DOCS}/AmazonS3/latest/API/API_S3VectorBuckets_DeleteVectors.html",
        occasional=True,
    ),
    UntestedGrant(
        "RemoveDataRole|ScheduleRole",
        ("sqs:SendMessage",),
        "Only the job that removes a large container sends messages about its members; Scheduler "
        "sends to the dead letters what it could not deliver for a day.",
        f"{_DOCS}/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html",
        ("*-inbox", "*-dead-letters"),
    ),
    UntestedGrant(
        "ExportDocumentsRole",
        ("s3:DeleteObjectVersion", "s3:ListBucketVersions"),
        "An export deletes its output if it is cancelled between two of its steps, which are too "
        "short here for a test to hit reliably.",
        _S3,
        occasional=True,
    ),
    UntestedGrant(
        "BatchModelsRole|RecognisePagesRole",
        ("s3:ListBucket",),
        "Bedrock lists the input of a batch job if it is a folder; ours is a single file. S3 tells "
        "missing objects from forbidden ones to those who may list; only a test of the function "
        "has scans that were read before words were kept.",
        f"{_DOCS}/bedrock/latest/userguide/batch-iam-sr.html",
        occasional=True,
    ),
    UntestedGrant(
        "GenerateItemsRole|GenerateOneRole|HarvestBatchRole|StreamAnswerRole|StreamChatRole"
        "|EvaluateCasesRole|ReplayCallsRole",
        (
            "bedrock:ApplyGuardrail",
            "dynamodb:DeleteItem",
            "dynamodb:PutItem",
            "events:PutEvents",
            "lambda:InvokeFunction",
        ),
        "All callers of models share the code for budgets and screening: the API's tests begin a "
        "tenant's day, use up a budget, delete old days and screen. The caller decides which of "
        "the stage's own models serves a call: the API's tests call each.",
        _BUDGETS,
        (
            "*:table/*",
            "*:event-bus/*",
            "*:guardrail/*",
            "*:function:*-screen-*",
            "*:function:*-check-support",
            "*:function:*-text",
            "*:function:*-image",
            "*:function:*-answer",
        ),
        occasional=True,
    ),
    UntestedGrant(
        "ReplayCallsRole",
        (
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "lambda:InvokeFunction",
            "s3:GetObject",
            "s3vectors:GetVectors",
            "s3vectors:QueryVectors",
            "secretsmanager:GetSecretValue",
        ),
        "The subject of a rollout decides what its candidate is asked for: prompts, models and "
        "asks are answered by the code of evaluations, whose tests ask for each.",
        f"{_DOCS}/lambda/latest/dg/lambda-permissions.html",
        occasional=True,
    ),
    UntestedGrant(
        "*Role",
        (
            "bedrock:InvokeModel",
            "bedrock:InvokeModelWithResponseStream",
            "bedrock:CreateModelInvocationJob",
        ),
        "The caller and the router decide which model serves a call; a test would have to call "
        "each.",
        _PROFILES,
        ("arn:*:bedrock:[*]::foundation-model/*", "*:inference-profile/[*].*"),
        occasional=True,
    ),
)

_DELIVERY = "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"
_SAGEMAKER = f"{_DOCS}/service-authorization/latest/reference/list_amazonsagemaker.html"
_XRAY = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html"

UNSCOPED_ACTIONS: tuple[UnscopedAction, ...] = (
    UnscopedAction(
        "bedrock:ListModelInvocationJobs",
        f"{_DOCS}/bedrock/latest/APIReference/API_ListModelInvocationJobs.html",
    ),
    UnscopedAction("cloudwatch:PutMetricData", f"{_DOCS}/sagemaker/latest/dg/sagemaker-roles.html"),
    UnscopedAction(
        "ecr:GetAuthorizationToken", f"{_DOCS}/sagemaker/latest/dg/sagemaker-roles.html"
    ),
    UnscopedAction("states:SendTaskSuccess", f"{_SERVICES}/list_awsstepfunctions.html"),
    UnscopedAction("sagemaker:ListModelPackages", _SAGEMAKER),
    UnscopedAction("sagemaker:ListTrainingJobs", _SAGEMAKER),
    UnscopedAction("transcribe:StartTranscriptionJob", f"{_SERVICES}/list_amazontranscribe.html"),
    UnscopedAction("sagemaker:ListTags", f"{_DOCS}/step-functions/latest/dg/sagemaker-iam.html"),
    *(
        UnscopedAction(f"logs:{action}", _DELIVERY)
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
        UnscopedAction(f"xray:{action}", _XRAY)
        for action in (
            "PutTraceSegments",
            "PutTelemetryRecords",
            "GetSamplingRules",
            "GetSamplingTargets",
        )
    ),
)

BROAD_GRANTS: tuple[BroadGrant, ...] = (
    BroadGrant(
        ("cloudwatch:DescribeAlarms",),
        "arn:*:cloudwatch:*:*:alarm:[*]",
        "CloudWatch asks for the permission on all alarms of the region, whichever are named.",
        f"{_DOCS}/AmazonCloudWatch/latest/monitoring/permissions-reference-cw.html",
    ),
    BroadGrant(
        (
            "bedrock:CreateModelInvocationJob",
            "bedrock:GetModelInvocationJob",
            "bedrock:StopModelInvocationJob",
        ),
        "arn:*:bedrock:*:*:model-invocation-job/*",
        "Bedrock generates the id of a batch job, so no policy can name it in advance.",
        f"{_DOCS}/bedrock/latest/APIReference/API_CreateModelInvocationJob.html",
    ),
    BroadGrant(
        ("bedrock:CreateModelCustomizationJob",),
        "arn:*:bedrock:*:*:custom-model/*",
        "Bedrock generates the id of a custom model, so no policy can name it in advance.",
        f"{_DOCS}/service-authorization/latest/reference/list_bedrock.html",
    ),
    BroadGrant(
        ("bedrock:CreateModelCustomizationJob",),
        "arn:*:bedrock:*:*:model-customization-job/*",
        "Bedrock generates the id of a job, so no policy can name it in advance.",
        f"{_DOCS}/service-authorization/latest/reference/list_bedrock.html",
    ),
    BroadGrant(
        ("bedrock:CreateModelImportJob",),
        "arn:*:bedrock:*:*:imported-model/*",
        "Bedrock generates the id of an imported model, so no policy can name it in advance.",
        f"{_DOCS}/service-authorization/latest/reference/list_bedrock.html",
    ),
    BroadGrant(
        ("bedrock:CreateModelImportJob", "bedrock:GetModelImportJob"),
        "arn:*:bedrock:*:*:model-import-job/*",
        "Bedrock generates the id of an import job, so no policy can name it in advance.",
        f"{_DOCS}/service-authorization/latest/reference/list_bedrock.html",
    ),
    BroadGrant(
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
        "API Gateway has one role in an account and region for the logs of all APIs, and checks "
        "that it has the permissions of AWS's own policy for it.",
        f"{_DOCS}/apigateway/latest/developerguide/set-up-logging.html",
    ),
)
