"""Composition of the local cloud: its services, the front door, and the applied template."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from chalicelib.generation.catalogue import catalogue
from infra.cloudformation.errors import TemplateError
from infra.synthesis.cache import SynthesisError, cached_synthesis
from localcloud.apigateway.service import ApiGatewayService
from localcloud.bedrock.batch.runner import runtime_invoker
from localcloud.bedrock.customisation.service import CustomisationService
from localcloud.bedrock.customisation.trainer import CustomModelTrainer, ImportedModelConverter
from localcloud.bedrock.imports.service import ImportService
from localcloud.bedrock.runtime import BedrockRuntimeService
from localcloud.bedrock.service import BatchDependencies, BedrockService
from localcloud.bedrock.stand_ins import with_chat_model
from localcloud.clients import Clients
from localcloud.delivery import lambda_deliverer, state_machine_deliverer, topic_deliverer
from localcloud.dynamodb.conversion import open_dynamodb
from localcloud.events.service import EventsService
from localcloud.faults import PATH as FAULTS_PATH
from localcloud.faults import FaultInjector, FaultsApi
from localcloud.frontdoor.application import Backends, FrontDoor, Interceptors
from localcloud.frontdoor.http_server import HttpServer
from localcloud.frontdoor.loopback import LoopbackOnly
from localcloud.frontdoor.space_check import SpaceCheck
from localcloud.iam.credentials import CredentialStore
from localcloud.iam.guard import AccessGuard, AccountPolicies
from localcloud.iam.ledger import Ledger
from localcloud.iam.resources import AccountResources
from localcloud.iam.service_calls import (
    S3,
    SNS,
    RoleQueues,
    authorize_batch_model,
    authorize_map_run,
    guard_delivery,
)
from localcloud.lambdas.destinations import DestinationMessage
from localcloud.lambdas.pool import ConcurrencyLimits
from localcloud.lambdas.service import LambdaDependencies, LambdaService
from localcloud.lambdas.spec import FunctionCode
from localcloud.model_usage import UsageLog
from localcloud.moto.engine import MotoEngine
from localcloud.s3.service import S3Service
from localcloud.s3vectors.service import S3VectorsService
from localcloud.sagemaker.service import SageMakerService, SageMakerSettings
from localcloud.scheduler.definitions import role_checker
from localcloud.scheduler.service import SchedulerService
from localcloud.service import CloudContext, Deliverer, Service, ServiceCall, T
from localcloud.sns.deliveries import TopicDeliveries
from localcloud.sns.links import TopicLinks
from localcloud.sns.messages import PATH as TOPICS_PATH
from localcloud.sqs.service import SqsService
from localcloud.stepfunctions.integrations.integration import RoleClients
from localcloud.stepfunctions.service import StepFunctionsService
from localcloud.storage_errors import FreeSpace
from localcloud.template.resources import RESOURCE_TYPES
from localcloud.template.resources.apigateway import REST_API, read_stage, read_swagger
from localcloud.template.resources.iam import ROLE, restore_roles
from localcloud.template.stack import StackContext, TemplateStack
from localcloud.transcribe.service import TranscribeService

STACK = "headrace"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The limits of the account, and what the local cloud lets be chosen.

    Attributes:
        limits: how many functions run at once.
        enforces_iam: whether calls need what the policies of their roles allow.
        chat_model: the local model that answers for Bedrock's chat models, "" for the catalogue's.
    """

    limits: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    enforces_iam: bool = True
    chat_model: str = ""


class LocalCloud:
    """All services of the local cloud on one data directory and one HTTP server."""

    def __init__(
        self,
        data_dir: Path,
        http: HttpServer,
        models_dir: Path,
        code: FunctionCode,
        settings: AccountSettings,
    ) -> None:
        """Open every store; nothing runs or answers before `start`."""
        self._code = code
        self._limits = settings.limits
        self._faults = FaultInjector()
        self._faults.load(data_dir)
        self.context = CloudContext(data_dir, http.url)
        self._callers = CredentialStore(self.context.folder("iam"))
        self._ledger = Ledger(self.context.folder("iam"))
        self._dynamodb = open_dynamodb(self.context)
        self._moto = MotoEngine(self.context)
        account = self._account()
        self._guard = AccessGuard(
            account, self._callers, self._ledger, is_enforcing=settings.enforces_iam
        )
        self.client = Clients(self.context, self._callers.issue)
        self._http = http
        self._usage = UsageLog(self.context.folder("bedrock"))
        self._targets: dict[str, Deliverer] = {}
        self._notified: dict[str, Deliverer] = {}
        self._sqs = SqsService(self.context)
        self._events = EventsService(self.context, self._targets)
        self._scheduler = SchedulerService(
            self.context, self._targets, check_role=role_checker(self._moto.role_trust)
        )
        self._s3 = S3Service(
            self.context,
            self._events.publish,
            guard=self._guard,
            targets=self._notified,
            interceptor=self._faults.intercept,
        )
        self.lambdas = LambdaService(self.context, self._sqs, self._lambda_dependencies())
        self._api = ApiGatewayService(self.lambdas, self._guard, self.client)
        self._states = StepFunctionsService(
            self.context,
            RoleClients(self.client, partial(authorize_map_run, self._guard)),
            self._events.publish,
        )
        self._vectors = S3VectorsService(self.context)
        known = catalogue()
        if settings.chat_model:
            known = with_chat_model(known, settings.chat_model)
        custom = CustomisationService(
            self.context, self.client, self._events.publish, CustomModelTrainer()
        )
        imports = ImportService(self.context, self.client, ImportedModelConverter())
        self._runtime = BedrockRuntimeService(
            self.context, models_dir, known, custom.deployed, imports.imported
        )
        self._bedrock = BedrockService(
            self.context,
            models_dir,
            known,
            batching=BatchDependencies(
                self.client,
                runtime_invoker(self._runtime),
                self._events.publish,
                self._intercept_batch_record,
                partial(authorize_batch_model, self._guard, account.resources),
            ),
            customisation=custom,
            imports=imports,
        )
        self._transcribe = TranscribeService(self.context, models_dir, self.client, known)
        self._hosting = SageMakerService(
            self.context,
            SageMakerSettings(self.client, self._callers.issue),
        )
        deliverers: dict[str, Deliverer] = {
            "lambda": lambda_deliverer(self.lambdas),
            "sqs": self._sqs.deliver,
            "events": self._events.deliver,
            "states": state_machine_deliverer(self._states),
        }
        self._targets |= {
            kind: guard_delivery(self._guard, kind, deliver) for kind, deliver in deliverers.items()
        }
        self._notified |= {
            kind: guard_delivery(self._guard, kind, deliverers[kind], S3)
            for kind in ("lambda", "sqs")
        }
        self._notified["sns"] = guard_delivery(
            self._guard, "sns", topic_deliverer(self._moto.handle), S3
        )
        self._topics = TopicDeliveries(
            self.context,
            {
                kind: guard_delivery(self._guard, kind, deliverers[kind], SNS)
                for kind in ("lambda", "sqs")
            },
        )
        self._moto.send = self._topics.send

    def start(self, template: Mapping[str, Any], values: Mapping[str, str]) -> Any:
        """Answer requests, apply the template and begin background work; return the outputs.

        Recovery after a crash runs last, when every service that it may call answers.
        """
        self._ledger.start()
        backends = Backends(
            {
                "sqs": (self._sqs,),
                "events": (self._events,),
                "scheduler": (self._scheduler,),
                "lambda": (self.lambdas,),
                "states": (self._states,),
                "s3vectors": (self._vectors,),
                "bedrock": (self._runtime, self._bedrock),
                "sagemaker": (self._hosting.runtime, self._hosting),
                "application-autoscaling": (self._hosting.scaling,),
                "transcribe": (self._transcribe,),
            },
            self._moto,
            self._s3,
            self._api,
            self._dynamodb,
        )
        interceptors = Interceptors(
            self._usage.intercept,
            self._faults.intercept,
            {
                FAULTS_PATH: FaultsApi(self._faults),
                TOPICS_PATH: TopicLinks(self._moto.handle, self._topics.signer),
            },
        )
        door = FrontDoor(backends, self._guard, interceptors)
        space = FreeSpace(self.context.data_dir)
        self._http.start(LoopbackOnly(SpaceCheck(door, space)))
        stack_context = StackContext(
            STACK,
            self.context,
            self.client,
            self.lambdas,
            self._code.folder_of,
            _worker_environment(),
        )
        stack = TemplateStack(stack_context, RESOURCE_TYPES)
        outputs = stack.apply(template, values)
        restore_roles(stack_context, stack)
        self._guard.record_role_policies(
            {name: role["Arn"] for name, role in stack.attributes(ROLE).items()}
        )
        for api_id in stack.refs(REST_API).values():
            folder = self.context.folder("template")
            self._api.deploy(read_swagger(folder), read_stage(folder), api_id)
        for service in self._services():
            service.start()
        return outputs

    def stop(self) -> None:
        """End background work in an order in which the last deliveries are still stored.

        A service that fails to stop does not keep the others from stopping.
        """
        with ExitStack() as stack:
            stack.callback(self._callers.close)
            stack.callback(self._ledger.stop)
            stack.callback(self._moto.close)
            stack.callback(self._dynamodb.close)
            stack.callback(self.client.close)
            stack.callback(self._http.stop)
            stack.callback(self._api.stop)
            for service in self._services():
                stack.callback(service.stop)

    def _intercept_batch_record(self, call: ServiceCall, serve: Callable[[], T]) -> T:
        """Log and fail a record of a batch job as the front door does a call."""
        return self._usage.intercept(call, lambda: self._faults.intercept(call, serve))

    def _account(self) -> AccountPolicies:
        return AccountPolicies(
            AccountResources(self.context.region, self.context.account_id, self._dynamodb.hash_key),
            self._moto.role_policies,
            {
                "sqs": lambda arn: self._sqs.policy_of(arn),
                "lambda": lambda arn: self.lambdas.policy_of(arn),
                "s3": lambda arn: self._s3.policy_of(arn),
                "sns": self._moto.topic_policy,
            },
        )

    def _lambda_dependencies(self) -> LambdaDependencies:
        return LambdaDependencies(
            issue=self._callers.issue,
            queues_as=lambda role, session: RoleQueues(self._sqs, self._guard, role, session),
            deliver_failure=self._deliver_failure,
            interpreter=self._code.interpreter,
            limits=self._limits,
        )

    def _services(self) -> list[Service]:
        return [
            self._s3,
            self._sqs,
            self._vectors,
            self._runtime,
            self._bedrock,
            self._hosting,
            self._transcribe,
            self.lambdas,
            self._events,
            self._scheduler,
            self._states,
            self._topics,
        ]

    def _deliver_failure(self, notice: DestinationMessage) -> None:
        service = notice.arn.split(":")[2]
        if service == "sns":
            self.client("sns").publish(TopicArn=notice.arn, Message=notice.body)
            return
        record = json.loads(notice.body)
        self.client("events").put_events(
            Entries=[
                {
                    "Source": "lambda",
                    "DetailType": "Lambda Function Invocation Result - Failure",
                    "Detail": json.dumps(record),
                    "EventBusName": notice.arn,
                }
            ]
        )


def _worker_environment() -> dict[str, str]:
    """Return variables that every worker on this machine gets besides those of its function."""
    return {"PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")}


def synthesise_template(project: Path, stage: str, region: str) -> dict[str, Any]:
    """Return the plain template of `project`. Raises TemplateError if it cannot be made."""
    try:
        text = cached_synthesis(project, "--stage", stage, "--region", region)
    except SynthesisError as error:
        raise TemplateError(str(error)) from error
    template: dict[str, Any] = json.loads(text)
    return template


@contextmanager
def run_cloud(
    data_dir: Path,
    template: Mapping[str, Any],
    values: Mapping[str, str],
    project: Path,
    port: int,
    code: FunctionCode | None = None,
    settings: AccountSettings | None = None,
) -> Iterator[tuple[LocalCloud, Mapping[str, Any]]]:
    """Yield a started cloud and the outputs of its template; stop it at the end.

    Args:
        data_dir: Where the cloud keeps its data.
        template: The plain CloudFormation template.
        values: Parameter values of the template.
        project: The source tree, which also has the models.
        port: The port on 127.0.0.1; 0 chooses a free one.
        code: The code of the functions; None runs them from the source tree.
        settings: What the account allows; None is that of a laptop.
    """
    http = HttpServer(port)
    try:
        cloud = LocalCloud(
            data_dir,
            http,
            project / "models" / "cache",
            code or FunctionCode.from_source_tree(project),
            settings or AccountSettings(),
        )
    except BaseException:
        http.stop()
        raise
    try:
        yield cloud, cloud.start(template, values)
    finally:
        cloud.stop()
