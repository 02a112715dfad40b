"""The life of a stage on moto's CloudFormation: deployed, upgraded, taken down."""

from __future__ import annotations

import copy
import json
from collections import Counter

import pytest

from infra import tenants
from infra.deployment.deployment import DeployOptions
from infra.deployment.failures import DeploymentError
from infra.deployment.stack import find_stack
from tests.architecture.templates import plain
from tests.integration.deployment.cutting import LEFT_OUT, is_left_out, standing
from tests.integration.deployment.world import BUCKET, STAGE, TABLE, VECTORS, World, template
from tests.unit.infra.deployment.aws import ACCOUNT, REGION
from tests.unit.infra.deployment.policy import is_granted, needs_of

ARTIFACTS = f"headrace-artifacts-{ACCOUNT}-{REGION}"
UNPOLICED = {"sts.GetCallerIdentity"}


def keys_of(world: World, bucket: str) -> list[str]:
    listed = world.client("s3").list_objects_v2(Bucket=bucket)
    return [each["Key"] for each in listed.get("Contents", [])]


def changed_template() -> dict[str, object]:
    """A template with one more queue, and a function that takes longer."""
    new = copy.deepcopy(template())
    new["Resources"]["NewQueue"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": "headrace-dev-new"},
    }
    new["Resources"]["EmbedText"]["Properties"]["Timeout"] = 28
    return new


def test_what_is_cut_out_of_the_template_is_listed_with_the_reason() -> None:
    made = standing(plain(STAGE), STAGE)["Resources"]
    whole = Counter(each["Type"] for each in made.values())
    kept = Counter(each["Type"] for each in template()["Resources"].values())
    assert whole - kept == Counter({t: n for t, n in whole.items() if is_left_out(t)})
    assert {kind for kind in whole if is_left_out(kind)} <= set(LEFT_OUT)
    assert sum(kept.values()) > 60
    assert kept["AWS::Lambda::Function"] == whole["AWS::Lambda::Function"]


def test_a_first_deployment_makes_everything(world: World) -> None:
    deployed = world.deploy()

    assert deployed is not None
    assert deployed.changed
    assert world.client("dynamodb").list_tables()["TableNames"] == [TABLE]
    assert world.client("s3").head_bucket(Bucket=BUCKET)["BucketRegion"] == REGION
    functions = world.client("lambda").list_functions()["Functions"]
    named = {each["FunctionName"] for each in functions}
    assert "headrace-dev-embed-text" in named
    assert len(named) == sum(
        each["Type"] == "AWS::Lambda::Function" for each in template()["Resources"].values()
    )
    stack = world.client("cloudformation").describe_stacks(StackName="headrace-dev")["Stacks"][0]
    assert {"Key": "headrace:stage", "Value": "dev"} in stack["Tags"]


def test_the_artifacts_bucket_is_encrypted_private_and_takes_tls_only(world: World) -> None:
    world.deploy()

    s3 = world.client("s3")
    (rule,) = s3.get_bucket_encryption(Bucket=ARTIFACTS)["ServerSideEncryptionConfiguration"][
        "Rules"
    ]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    blocked = s3.get_public_access_block(Bucket=ARTIFACTS)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    rules = s3.get_bucket_lifecycle_configuration(Bucket=ARTIFACTS)["Rules"]
    assert {each["ID"] for each in rules} == {"AbortUploadsThatStopped", "ForgetTemplates"}
    assert "Status" not in s3.get_bucket_versioning(Bucket=ARTIFACTS)
    policy = next(asked for name, asked in world.aws.asked if name == "s3.PutBucketPolicy")
    (statement,) = json.loads(policy["Policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:aws:s3:::{ARTIFACTS}", f"arn:aws:s3:::{ARTIFACTS}/*"]


def test_a_second_deployment_changes_and_uploads_nothing(world: World) -> None:
    world.deploy()
    functions = [key for key in keys_of(world, ARTIFACTS) if key.startswith("functions/")]
    world.aws.calls.clear()

    again = world.deploy()

    assert again is not None
    assert not again.changed
    assert "headrace-dev is what it should be already." in world.voice.lines
    assert "2 of 2 files are there already." in world.voice.lines
    assert "cloudformation.ExecuteChangeSet" not in world.aws.calls
    assert [k for k in keys_of(world, ARTIFACTS) if k.startswith("functions/")] == functions


def test_a_damaged_artifact_is_uploaded_again(world: World) -> None:
    world.deploy()
    key = next(each for each in keys_of(world, ARTIFACTS) if each.startswith("functions/"))
    whole = world.client("s3").get_object(Bucket=ARTIFACTS, Key=key)["Body"].read()
    world.client("s3").put_object(Bucket=ARTIFACTS, Key=key, Body=whole[:-1])

    world.deploy()

    assert world.client("s3").get_object(Bucket=ARTIFACTS, Key=key)["Body"].read() == whole


def test_an_upgrade_keeps_objects_records_vectors_and_parameters(world: World) -> None:
    world.deploy(parameters={"MaxRunningIngests": "7"})
    world.make_vector_bucket()
    world.client("s3").put_object(Bucket=BUCKET, Key="inbox/main/a.txt", Body=b"kept")
    item = {"pk": {"S": "TENANT#main"}, "sk": {"S": "DOCUMENT#1"}}
    world.client("dynamodb").put_item(TableName=TABLE, Item=item)
    home = tenants.storage_of({"RecordsTableName": TABLE, "VectorBucketName": VECTORS})
    assert tenants.create_first_tenant(world.aws.client, home) is not None

    upgraded = world.deploy(changed_template(), content="x = 2\n")

    assert upgraded is not None
    assert upgraded.changed
    body = world.client("s3").get_object(Bucket=BUCKET, Key="inbox/main/a.txt")["Body"]
    assert body.read() == b"kept"
    assert world.client("dynamodb").get_item(TableName=TABLE, Key=item)["Item"] == item
    assert world.client("s3vectors").list_indexes(vectorBucketName=VECTORS)["indexes"]
    assert world.client("sqs").get_queue_url(QueueName="headrace-dev-new")["QueueUrl"]
    stack = find_stack(world.client("cloudformation"), "headrace-dev")
    assert stack is not None
    assert stack.parameters["MaxRunningIngests"] == "7"
    assert tenants.create_first_tenant(world.aws.client, home) is None, "there is one already"


def test_only_the_bundles_of_this_deployment_and_the_one_before_stay(world: World) -> None:
    for n in range(4):
        world.deploy(changed_template() if n else None, content=f"x = {n}\n")

    kept = keys_of(world, ARTIFACTS)
    assert len([key for key in kept if key.startswith("functions/")]) == 2
    assert len([key for key in kept if key.startswith("stages/dev/")]) == 2


def test_a_dry_run_shows_the_changes_and_leaves_an_empty_bucket_for_the_next(
    world: World,
) -> None:
    assert world.deploy(choices=DeployOptions(dry_run=True)) is None

    assert any("Add RecordsTable AWS::DynamoDB::Table" in line for line in world.voice.lines)
    buckets = world.client("s3").list_buckets()["Buckets"]
    assert [each["Name"] for each in buckets] == [ARTIFACTS]
    assert keys_of(world, ARTIFACTS) == []
    assert f"the bucket {ARTIFACTS}" in world.voice.text
    assert world.inventory().is_empty

    assert world.deploy() is not None, "what the README does next"
    world.destroy()
    assert world.client("s3").list_buckets()["Buckets"] == []


def test_a_dry_run_of_an_upgrade_leaves_the_stage_as_it_was(world: World) -> None:
    world.deploy()
    before = sorted(keys_of(world, ARTIFACTS))

    assert world.deploy(changed_template(), DeployOptions(dry_run=True)) is None

    assert any("Add NewQueue AWS::SQS::Queue" in line for line in world.voice.lines)
    assert sorted(keys_of(world, ARTIFACTS)) == before
    queues = world.client("sqs").list_queues(QueueNamePrefix="headrace-dev-new")
    assert "QueueUrls" not in queues
    listed = world.client("cloudformation").list_change_sets(StackName="headrace-dev")
    # moto keeps what was executed, which AWS does not.
    assert [each["ExecutionStatus"] for each in listed["Summaries"]] == ["EXECUTE_COMPLETE"]


def test_who_says_no_changes_nothing(world: World) -> None:
    world.voice.yes = False

    assert world.deploy(choices=DeployOptions()) is None

    assert world.inventory().is_empty


def test_what_an_earlier_stack_left_is_named_with_the_way_out(world: World) -> None:
    world.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    world.client("sqs").create_queue(QueueName="headrace-dev-inbox")

    with pytest.raises(DeploymentError, match="2 of these"):
        world.deploy()

    assert f"error: Bucket {BUCKET} exists and is not of this stack" in world.voice.lines
    assert "error: Queue headrace-dev-inbox exists and is not of this stack" in world.voice.lines
    assert "headrace destroy --stage dev" in world.voice.text


def fill(world: World) -> None:
    """Put something into everything that holds something."""
    s3 = world.client("s3")
    # moto's CloudFormation leaves the template's versioning out.
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for n in range(3):
        s3.put_object(Bucket=BUCKET, Key="inbox/main/a.txt", Body=b"version %d" % n)
    s3.put_object(Bucket=BUCKET, Key="inbox/main/b.txt", Body=b"gone")
    s3.delete_object(Bucket=BUCKET, Key="inbox/main/b.txt")
    s3.create_multipart_upload(Bucket=BUCKET, Key="inbox/main/c.txt")
    world.make_vector_bucket()
    home = tenants.storage_of({"RecordsTableName": TABLE, "VectorBucketName": VECTORS})
    tenants.create_first_tenant(world.aws.client, home)
    index = world.client("s3vectors").list_indexes(vectorBucketName=VECTORS)["indexes"][0]
    vector = {"key": "v", "data": {"float32": [0.5] * 384}}
    world.client("s3vectors").put_vectors(indexArn=index["indexArn"], vectors=[vector])
    world.client("logs").create_log_group(logGroupName="/aws/lambda/headrace-dev-old")


def test_the_inventory_counts_what_will_go(world: World) -> None:
    world.deploy()
    fill(world)

    found = world.inventory()

    (bucket,) = found.buckets
    assert (bucket.objects, bucket.versions, bucket.uploads) == (1, 5, 1)
    assert bucket.bytes == 3 * len(b"version 0") + len(b"gone")
    assert [(each.name, each.vectors) for each in found.indexes] == [
        ("main-minilm-l6-v2-int8.terms", 1)
    ]
    assert found.vector_buckets == [VECTORS]
    assert found.tables[0].records == 3, "the tenant, its key, and the key's pointer"
    assert "/aws/lambda/headrace-dev-old" in found.log_groups


def test_destroying_leaves_nothing_and_says_what_aws_keeps(world: World) -> None:
    world.deploy()
    fill(world)
    world.client("s3").create_bucket(
        Bucket="somebody-elses", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    world.client("logs").create_log_group(logGroupName="/aws/lambda/headrace-dev2-other")

    left = world.destroy()

    assert world.inventory().is_empty
    buckets = world.client("s3").list_buckets()["Buckets"]
    assert [each["Name"] for each in buckets] == ["somebody-elses"]
    assert world.client("dynamodb").list_tables()["TableNames"] == []
    assert world.client("s3vectors").list_vector_buckets()["vectorBuckets"] == []
    assert world.client("lambda").list_functions()["Functions"] == []
    groups = world.client("logs").describe_log_groups()["logGroups"]
    assert [each["logGroupName"] for each in groups] == ["/aws/lambda/headrace-dev2-other"]
    assert any("35 days" in each and TABLE in each for each in left)


def test_destroying_goes_on_where_it_stopped(world: World) -> None:
    world.deploy()
    fill(world)
    world.client("cloudformation").delete_stack(StackName="headrace-dev")

    world.destroy()

    assert world.inventory().is_empty
    assert world.client("s3").list_buckets()["Buckets"] == []
    assert world.destroy() == [], "and once more does nothing"


def test_a_table_that_is_protected_goes_too(world: World) -> None:
    world.deploy()
    world.client("dynamodb").update_table(TableName=TABLE, DeletionProtectionEnabled=True)
    assert world.inventory().tables[0].is_protected

    world.destroy()

    assert world.client("dynamodb").list_tables()["TableNames"] == []


def test_destroying_leaves_the_artifacts_of_other_stages(world: World) -> None:
    world.deploy()
    s3 = world.client("s3")
    shared = next(each for each in keys_of(world, ARTIFACTS) if each.startswith("functions/"))
    s3.put_object(
        Bucket=ARTIFACTS, Key="stages/prod/1.json", Body=b'{"keys": ["%s"]}' % shared.encode()
    )

    world.destroy()

    assert sorted(keys_of(world, ARTIFACTS)) == sorted([shared, "stages/prod/1.json"])


def test_every_call_is_one_that_the_policy_for_deployers_grants(world: World) -> None:
    world.deploy()
    fill(world)
    world.deploy(changed_template(), DeployOptions(dry_run=True))
    world.deploy(changed_template())
    by_test = len(world.aws.calls)
    world.destroy()

    made = [(name, params) for name, params in world.aws.asked if name not in UNPOLICED]
    assert by_test
    assert len({name for name, _ in made}) > 40
    needs = [need for name, params in made for need in needs_of(name, params)]
    assert len(needs) >= len(made)
    assert [need for need in needs if not is_granted(need)] == []
