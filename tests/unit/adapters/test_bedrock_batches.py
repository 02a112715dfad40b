from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import Stubber

from chalicelib.adapters.bedrock_batches import BedrockBatches
from chalicelib.errors import Conflict, InvalidInput, NotFound, Throttled, Transient
from tests import clients

ARN = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghijkl"
OTHER = ARN.replace("abc", "xyz")
ROLE = "arn:aws:iam::123456789012:role/batch"
LIST = "list_model_invocation_jobs"


def client() -> Any:
    return clients.client("bedrock")


def listed(name: str, arn: str) -> dict[str, Any]:
    places = {
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://b/in/r.jsonl"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://b/out/"}},
    }
    job = {"jobArn": arn, "jobName": name, "modelId": "nova", "roleArn": ROLE, "submitTime": 0}
    return {"invocationJobSummaries": [{**job, **places}]}


def create(bedrock: Any) -> str:
    return BedrockBatches(bedrock, ROLE).create("job-1", "nova", "b", "in/r.jsonl", "out/", 24)


def test_a_job_should_be_asked_for_in_the_name_of_the_role_and_once_under_its_name() -> None:
    bedrock = client()
    with Stubber(bedrock) as stub:
        stub.add_response(
            "create_model_invocation_job",
            {"jobArn": ARN},
            {
                "jobName": "job-1",
                "clientRequestToken": "job-1",
                "roleArn": ROLE,
                "modelId": "nova",
                "modelInvocationType": "Converse",
                "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://b/in/r.jsonl"}},
                "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://b/out/"}},
                "timeoutDurationInHours": 24,
            },
        )
        assert create(bedrock) == ARN
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ValidationException", 400, InvalidInput),
        ("ThrottlingException", 429, Throttled),
        ("InternalServerException", 500, Transient),
    ],
)
def test_a_refusal_should_be_one_of_our_errors(
    code: str, status: int, kind: type[Exception]
) -> None:
    bedrock = client()
    with Stubber(bedrock) as stub:
        stub.add_client_error("create_model_invocation_job", code, "no", http_status_code=status)
        with pytest.raises(kind, match="asking for the batch job job-1"):
            create(bedrock)


def test_a_job_should_be_found_by_how_its_name_begins_on_any_page() -> None:
    bedrock = client()
    with Stubber(bedrock) as stub:
        first = {"nameContains": "job-1-"}
        stub.add_response(LIST, {**listed("not-job-1-1", OTHER), "nextToken": "2"}, first)
        stub.add_response(LIST, listed("job-1-2", ARN), {**first, "nextToken": "2"})
        stub.add_response(LIST, listed("not-job-1-1", OTHER), first)
        stub.add_client_error(LIST, "ThrottlingException", "no", http_status_code=429)
        jobs = BedrockBatches(bedrock, ROLE)
        assert [jobs.named("job-1-"), jobs.named("job-1-")] == [ARN, ""]
        with pytest.raises(Throttled, match="looking for the batch job job-1-"):
            jobs.named("job-1-")
        stub.assert_no_pending_responses()


def test_a_job_should_be_looked_at_and_stopped() -> None:
    bedrock = client()
    jobs = BedrockBatches(bedrock, ROLE)
    with Stubber(bedrock) as stub:
        stub.add_client_error("get_model_invocation_job", "ResourceNotFoundException", "gone")
        failed = listed("job-1", ARN)["invocationJobSummaries"][0]
        why = {"status": "Failed", "message": "The role may not do this."}
        stub.add_response("get_model_invocation_job", {**failed, **why}, {"jobIdentifier": ARN})
        stub.add_response("stop_model_invocation_job", {}, {"jobIdentifier": ARN})
        stub.add_client_error("stop_model_invocation_job", "ConflictException", "it has ended")
        with pytest.raises(NotFound):
            jobs.status(ARN)
        assert jobs.message(ARN) == "The role may not do this."
        jobs.stop(ARN)
        with pytest.raises(Conflict):
            jobs.stop(ARN)
        stub.assert_no_pending_responses()
