"""What is looked at before a deployment, and what is said of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from infra.deployment.failures import DeploymentError
from infra.deployment.plan import DeploymentPlan
from infra.deployment.preflight.account_checks import FEW_EXECUTIONS, MAX_APIS
from infra.deployment.preflight.findings import show_findings
from infra.deployment.preflight.model_checks import image_region
from infra.deployment.preflight.package_checks import MAX_UNZIPPED
from infra.deployment.preflight.permission_checks import DEPLOYER_ACTIONS
from infra.deployment.preflight.run import CHECKS, require_preflight
from tests.unit.infra.deployment.aws import REGION, Answer, fixed, refuse
from tests.unit.infra.deployment.driving import Driver, said
from tests.unit.infra.deployment.packages import with_resources
from tests.unit.infra.deployment.voices import Heard


def test_nothing_is_found_where_nothing_stands_in_the_way(driver: Driver) -> None:
    assert driver.look() == []
    asked = driver.asked("iam.SimulatePrincipalPolicy")
    assert [each["ActionNames"] for each in asked] == [[each.action] for each in DEPLOYER_ACTIONS]


def test_all_findings_are_shown_before_anything_stops(driver: Driver) -> None:
    driver.answer(
        account__GetRegionOptStatus=fixed(RegionOptStatus="DISABLED"),
        lambda__GetAccountSettings=fixed(
            AccountLimit={
                "ConcurrentExecutions": 10,
                "UnreservedConcurrentExecutions": 10,
                "TotalCodeSize": 1000,
            },
            AccountUsage={"TotalCodeSize": 999},
        ),
    )
    voice = Heard()

    with pytest.raises(DeploymentError, match="2 of these have to be mended first"):
        show_findings(driver.look(), voice)

    assert f"error: The region {REGION} is disabled" in voice.lines
    assert "error: Lambda stores 0.0 GB of code, and 0.0 GB are taken" in voice.lines
    assert "warning: Lambda runs 10 functions at once in this account" in voice.lines
    assert sum("Fix: " in line for line in voice.lines) == 3
    assert FEW_EXECUTIONS > 10


def test_without_credentials_the_package_is_looked_at_all_the_same(driver: Driver) -> None:
    def nobody(asked: dict[str, Any]) -> dict[str, Any]:
        raise NoCredentialsError

    driver.answer(sts__GetCallerIdentity=nobody)

    found = driver.look(driver.wish(unzipped_bytes=MAX_UNZIPPED + 1))

    assert [each.what for each in found] == [
        f"The bundle of all has {MAX_UNZIPPED + 1:,} bytes unpacked",
        "Credentials",
    ]
    assert "aws configure" in found[1].why


def broken(error: Exception) -> Answer:
    """Return an answer that never comes."""

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "why", "fix"),
    [
        (refuse("AccessDenied", "not authorized", 403), "not authorized", "deployer-policy.json"),
        (refuse("Throttling", "Rate exceeded"), "throttled", "Run the command again"),
        (refuse("InternalFailure", status=500), "AWS refused", "Run the command again"),
        (
            broken(EndpointConnectionError(endpoint_url="https://cloudformation.x")),
            "AWS does not answer",
            "--region",
        ),
        (
            broken(ReadTimeoutError(endpoint_url="https://cloudformation.x")),
            "AWS does not answer",
            "Run the command again",
        ),
        (refuse("ExpiredToken", "expired"), "sign in again", "Sign in"),
        (refuse("ValidationError", "1 validation error detected"), "1 validation", "--profile"),
    ],
)
@pytest.mark.parametrize("call", ["cloudformation__DescribeStacks", "sts__GetCallerIdentity"])
def test_without_an_answer_there_is_an_error_with_a_way_on_and_never_a_traceback(
    driver: Driver, call: str, answer: Answer, why: str, fix: str
) -> None:
    driver.answer(**{call: answer})
    voice = Heard()

    with pytest.raises(DeploymentError, match="1 of these has to be mended first"):
        require_preflight(driver.aws.client, driver.wish(), voice)

    (found,) = driver.look()
    assert found.severity == "error"
    assert why in found.why
    assert fix in found.fix


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "UnrecognizedClientException"])
def test_a_region_that_is_turned_off_is_told_and_not_taken_for_wrong_credentials(
    driver: Driver, code: str
) -> None:
    driver.answer(
        sts__GetCallerIdentity=refuse(code, "The security token included is invalid.", 403),
        account__GetRegionOptStatus=fixed(RegionName=REGION, RegionOptStatus="DISABLED"),
    )

    (found,) = driver.look()

    assert (found.severity, found.what) == ("error", f"The region {REGION} is disabled")
    turn_on = f"aws account enable-region --region-name {REGION} --region us-east-1"
    assert found.fix.startswith(turn_on)
    assert driver.asked("account.GetRegionOptStatus") == [{"RegionName": REGION}]
    assert "us-east-1" in driver.aws.client("account").meta.endpoint_url


@pytest.mark.parametrize(
    "status",
    [fixed(RegionOptStatus="ENABLED_BY_DEFAULT"), refuse("UnrecognizedClientException")],
)
def test_credentials_that_no_region_takes_are_wrong(driver: Driver, status: Answer) -> None:
    driver.answer(
        sts__GetCallerIdentity=refuse("InvalidClientTokenId"), account__GetRegionOptStatus=status
    )

    (found,) = driver.look()

    assert (found.severity, found.what) == ("error", "Credentials")
    assert "InvalidClientTokenId" in found.why


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_credentials_that_are_not_taken_stop_everything(driver: Driver, code: str) -> None:
    driver.answer(sts__GetCallerIdentity=refuse(code))

    (found,) = driver.look()

    assert (found.severity, found.what) == ("error", "Credentials")


def test_a_look_that_is_not_allowed_is_a_warning_that_says_so(driver: Driver) -> None:
    for operation in (
        "account__GetRegionOptStatus",
        "bedrock__GetFoundationModel",
        "iam__SimulatePrincipalPolicy",
        "lambda__GetAccountSettings",
        "s3vectors__ListVectorBuckets",
    ):
        driver.answer(**{operation: refuse("AccessDeniedException", "not authorized", 403)})

    found = driver.look()

    assert said(found) == [
        ("warning", "Region: not checked"),
        ("warning", "S3 Vectors: not checked"),
        ("warning", "Language model: not checked"),
        ("warning", "Lambda's quotas: not checked"),
        ("warning", "Permission to deploy: not checked"),
    ]
    assert all("not authorized" in each.why for each in found)


def test_a_region_without_s3_vectors_is_an_error(driver: Driver) -> None:
    def nowhere(asked: dict[str, Any]) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="https://s3vectors.x")

    driver.answer(s3vectors__ListVectorBuckets=nowhere)

    assert said(driver.look()) == [("error", f"S3 Vectors does not answer in {REGION}")]


def test_a_model_that_is_not_there_or_not_granted_is_a_warning(driver: Driver) -> None:
    driver.answer(bedrock__GetFoundationModel=refuse("ValidationException", "no such model"))
    (found,) = driver.look()
    assert (found.severity, found.fix.startswith("--parameter ChatModelId")) == ("warning", True)

    driver = Driver(driver.folder)
    driver.answer(
        bedrock__GetFoundationModelAvailability=fixed(
            modelId="m",
            agreementAvailability={"status": "NOT_AVAILABLE"},
            authorizationStatus="NOT_AUTHORIZED",
            entitlementAvailability="AVAILABLE",
            regionAvailability="AVAILABLE",
        )
    )
    (found,) = driver.look()
    assert "agreement not_available, authorization not_authorized" in found.what


def test_a_model_that_the_catalogue_does_not_have_is_a_warning_and_nobody_is_asked_for_it(
    driver: Driver,
) -> None:
    (found,) = driver.look(driver.wish({"ChatModelId": "eu.someone.new-model-v1:0"}))
    assert found.severity == "warning"
    assert found.what == "No model of the catalogue is asked as eu.someone.new-model-v1:0"
    assert "headrace models ls --served" in found.fix
    assert driver.asked("bedrock.GetInferenceProfile") == []


def profile(identifier: str, *models: str) -> dict[str, Any]:
    arns = [f"arn:aws:bedrock:{REGION}::foundation-model/{model}" for model in models]
    return {
        "inferenceProfileName": "n",
        "inferenceProfileArn": "a" * 20,
        "models": [{"modelArn": arn} for arn in arns],
        "inferenceProfileId": identifier,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [
        (("global.amazon.nova-micro-v1:0", "eu.amazon.nova-micro-v1:0"), "eu.amazon.nova-micro"),
        (("global.amazon.nova-micro-v1:0",), "global.amazon.nova-micro"),
        ((), "MODEL, one that the region has on demand"),
    ],
)
def test_a_model_that_the_region_has_by_a_profile_alone_is_told_with_the_profile(
    driver: Driver, profiles: tuple[str, ...], expected: str
) -> None:
    listed = [profile("eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0")]
    listed += [profile(each, "amazon.nova-micro-v1:0") for each in profiles]
    driver.answer(
        bedrock__GetFoundationModel=fixed(
            modelDetails={
                "modelArn": "arn:aws:bedrock:x",
                "modelId": "amazon.nova-micro-v1:0",
                "inferenceTypesSupported": ["PROVISIONED"],
            }
        ),
        bedrock__ListInferenceProfiles=fixed(inferenceProfileSummaries=listed),
    )

    (found,) = driver.look()

    assert found.severity == "warning"
    assert found.what == f"amazon.nova-micro-v1:0 cannot be called on demand in {REGION}"
    assert found.fix.startswith(f"--parameter ChatModelId={expected}")


@pytest.mark.parametrize(
    ("region", "chosen", "what"),
    [
        ("us-west-2", "", ""),
        ("us-east-1", "", "pictures are drawn in us-west-2"),
        ("us-east-1", "us-west-2", ""),
        ("us-east-1", "none", ""),
        ("eu-central-1", "", "No image model of Bedrock can be called from eu-central-1"),
        ("eu-central-1", "eu-west-3", "No image model of Bedrock is active in eu-west-3"),
        ("eu-central-1", "us-west-2", ""),
    ],
)
def test_it_is_said_where_pictures_are_drawn(region: str, chosen: str, what: str) -> None:
    template = {"Parameters": {"ImageRegion": {"Type": "String", "Default": ""}}}
    plan = SimpleNamespace(
        package=SimpleNamespace(template=template),
        account=SimpleNamespace(region=region),
        effective={"ImageRegion": chosen} if chosen else {},
    )
    found = list(image_region(cast(DeploymentPlan, plan)))
    assert [each.severity for each in found] == (["warning"] if what else [])
    assert all(what in each.what and "ImageRegion=us-west-2" in each.fix for each in found)


def test_an_inference_profile_is_asked_for_its_model(driver: Driver) -> None:
    driver.answer(
        bedrock__GetInferenceProfile=fixed(
            **profile("eu.amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0")
        )
    )

    assert driver.look(driver.wish({"ChatModelId": "eu.amazon.nova-micro-v1:0"})) == []

    (asked,) = driver.asked("bedrock.GetFoundationModelAvailability")
    assert asked == {"modelId": "amazon.nova-micro-v1:0"}


def test_a_full_api_gateway_is_an_error_for_a_new_stage_only(driver: Driver) -> None:
    driver.answer(apigateway__GetRestApis=fixed(items=[{"id": str(n)} for n in range(MAX_APIS)]))
    assert said(driver.look()) == [("error", f"API Gateway has {MAX_APIS} REST APIs in {REGION}")]

    driver.cloudformation.status = "UPDATE_COMPLETE"
    driver.answer(cloudformation__ListStackResources=fixed(StackResourceSummaries=[]))
    assert driver.look() == []


API_STAGE = {
    "Type": "AWS::ApiGateway::Stage",
    "Properties": {
        "AccessLogSetting": {
            "Fn::If": ["Logged", {"Format": "{}"}, {"Ref": "AWS::NoValue"}],
        }
    },
}


@pytest.mark.parametrize(
    ("logged", "own_role", "expected"),
    [("yes", False, 1), ("no", False, 0), ("yes", True, 0)],
)
def test_access_logs_need_the_accounts_role(
    driver: Driver, logged: str, own_role: bool, expected: int
) -> None:
    template = with_resources(Api=API_STAGE)
    template["Parameters"]["Logs"] = {"Type": "String"}
    template["Conditions"] = {"Logged": {"Fn::Equals": [{"Ref": "Logs"}, "yes"]}}
    if own_role:
        template["Resources"]["Account"] = {"Type": "AWS::ApiGateway::Account"}

    found = driver.look(driver.wish({"Logs": logged}, template=template))

    assert len(found) == expected
    assert all("ApiLogsRole=create" in each.fix for each in found)


@pytest.mark.parametrize(("role", "expected"), [("logs", 1), ("headrace-dev-ApiLogsWriter-1", 0)])
def test_a_role_for_logs_that_is_there_is_not_replaced_in_silence(
    driver: Driver, role: str, expected: int
) -> None:
    template = with_resources(
        Api={"Type": "AWS::ApiGateway::Stage", "Properties": {"AccessLogSetting": {"Format": ""}}},
        Account={"Type": "AWS::ApiGateway::Account"},
    )
    driver.answer(apigateway__GetAccount=fixed(cloudwatchRoleArn=f"arn:aws:iam::1:role/{role}"))

    found = driver.look(driver.wish(template=template))

    assert [each.severity for each in found] == ["warning"] * expected


def test_every_check_has_a_title_of_its_own() -> None:
    titles = [check.title for check in CHECKS]
    assert len(set(titles)) == len(titles)
