"""The control plane of Amazon SageMaker (botocore's `sagemaker`), and its composition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.iam.credentials import IssueCredentials, issue_administrator
from localcloud.lambdas.process import ProcessSpawner
from localcloud.lambdas.spec import DEVELOPMENT_INTERPRETER
from localcloud.sagemaker.cloudwatch import ContainerLogs, EndpointMetrics
from localcloud.sagemaker.hosting.autoscaler import AutoScalingService
from localcloud.sagemaker.hosting.container import ContainerSettings
from localcloud.sagemaker.hosting.definitions import DefinitionOperations
from localcloud.sagemaker.hosting.deployer import Deployer
from localcloud.sagemaker.hosting.endpoints import EndpointOperations
from localcloud.sagemaker.hosting.host import HostEnvironment, HostPool
from localcloud.sagemaker.hosting.monitor import SERVERLESS_IDLE_S, EndpointMonitor
from localcloud.sagemaker.hosting.runtime import SageMakerRuntimeService
from localcloud.sagemaker.hosting.store import HostingStore
from localcloud.sagemaker.jobs.program import JobContext, ProgramSettings
from localcloud.sagemaker.jobs.store import JobStore
from localcloud.sagemaker.processing.operations import ProcessingOperations
from localcloud.sagemaker.registry.operations import RegistryOperations
from localcloud.sagemaker.registry.store import ModelPackageStore
from localcloud.sagemaker.roles import CheckRole, ClientFactory, RoleEnvironment, role_checker
from localcloud.sagemaker.training.operations import TrainingService
from localcloud.sagemaker.transform.operations import TransformOperations
from localcloud.sagemaker.tuning.operations import TuningOperations
from localcloud.service import CloudContext

_SERVING = Path(__file__).parents[2] / "models" / "serving"
_DEFINITION_OPERATIONS = (
    "create_model",
    "describe_model",
    "list_models",
    "delete_model",
    "create_endpoint_config",
    "describe_endpoint_config",
    "list_endpoint_configs",
    "delete_endpoint_config",
)
_ENDPOINT_OPERATIONS = (
    "create_endpoint",
    "describe_endpoint",
    "list_endpoints",
    "update_endpoint",
    "update_endpoint_weights_and_capacities",
    "delete_endpoint",
)
_TRAINING_OPERATIONS = (
    "create_training_job",
    "describe_training_job",
    "list_training_jobs",
    "stop_training_job",
)
_TUNING_OPERATIONS = (
    "create_hyper_parameter_tuning_job",
    "describe_hyper_parameter_tuning_job",
    "list_hyper_parameter_tuning_jobs",
    "list_training_jobs_for_hyper_parameter_tuning_job",
    "stop_hyper_parameter_tuning_job",
)
_PROCESSING_OPERATIONS = (
    "create_processing_job",
    "describe_processing_job",
    "list_processing_jobs",
    "stop_processing_job",
)
_TRANSFORM_OPERATIONS = (
    "create_transform_job",
    "describe_transform_job",
    "list_transform_jobs",
    "stop_transform_job",
)
_REGISTRY_OPERATIONS = (
    "create_model_package_group",
    "describe_model_package_group",
    "list_model_package_groups",
    "delete_model_package_group",
    "create_model_package",
    "describe_model_package",
    "list_model_packages",
    "update_model_package",
    "delete_model_package",
)


@dataclass(frozen=True, slots=True)
class SageMakerSettings:
    """The collaborators and settings of SageMaker.

    Attributes:
        clients: returns a client of a service with a role.
        issue: returns the credentials of a role.
        interpreter: the Python of containers, with the packages that models import.
        serverless_idle_s: seconds after which an idle serverless container is stopped.
        program: how programs of jobs are run.
    """

    clients: ClientFactory
    issue: IssueCredentials = issue_administrator
    interpreter: Path = DEVELOPMENT_INTERPRETER
    serverless_idle_s: float = SERVERLESS_IDLE_S
    program: ProgramSettings = field(default_factory=ProgramSettings)


class SageMakerService:
    """The control plane. `runtime` and `scaling` are the other two services on the same data."""

    name = "sagemaker"

    def __init__(
        self,
        surroundings: CloudContext,
        options: SageMakerSettings,
        check_role: CheckRole | None = None,
    ) -> None:
        """Open the stores; nothing runs before `start`."""
        self._surroundings = surroundings
        self._clients = options.clients
        folder = surroundings.folder("sagemaker")
        self._store = HostingStore(folder)
        self._spawner = ProcessSpawner()
        self._logs = ContainerLogs(options.clients)
        self._metrics = EndpointMetrics(options.clients)
        container_settings = ContainerSettings(
            self._spawner, options.interpreter, _serving_folder(folder)
        )
        identity = RoleEnvironment(surroundings, options.issue)
        self.hosts = HostPool(
            HostEnvironment(
                folder / "endpoints",
                container_settings,
                self._logs,
                lambda role: options.clients("s3", role),
                identity,
                self._metrics.cold_start,
                self._metrics.invocation,
            )
        )
        self._deployer = Deployer(
            self._store, self.hosts, lambda role: options.clients("cloudwatch", role)
        )
        self._monitor = EndpointMonitor(self._store, self.hosts, options.serverless_idle_s)
        check_role = check_role or role_checker(options.clients)
        definitions = DefinitionOperations(surroundings, self._store, check_role)
        context = JobContext(
            surroundings,
            self._spawner,
            self._logs,
            lambda role: options.clients("s3", role),
            identity,
            check_role,
        )
        self._training = TrainingService(
            context, options.program, lambda: self._tuning.tuner.wake()
        )
        self._jobs = JobStore(folder)
        self._tuning = TuningOperations(surroundings, self._jobs, self._training.operations)
        endpoints = EndpointOperations(self._store, definitions, self._deployer, self._monitor.wake)
        self.runtime = SageMakerRuntimeService(
            surroundings, self._store, self.hosts, self._monitor.wake
        )
        self.scaling = AutoScalingService(surroundings, self._store, self._monitor.wake)
        self._registry = ModelPackageStore(folder)
        self._expose(RegistryOperations(surroundings, self._registry), _REGISTRY_OPERATIONS)
        self._expose(self._training.operations, _TRAINING_OPERATIONS)
        self._expose(self._tuning, _TUNING_OPERATIONS)
        self._transforms = TransformOperations(
            self._jobs, context, container_settings, definitions, folder / "transforms"
        )
        self._processing = ProcessingOperations(
            self._jobs, context, options.program, folder / "processing"
        )
        self._expose(self._transforms, _TRANSFORM_OPERATIONS)
        self._expose(self._processing, _PROCESSING_OPERATIONS)
        self._expose(definitions, _DEFINITION_OPERATIONS)
        self._expose(endpoints, _ENDPOINT_OPERATIONS)

    def _expose(self, operations: object, names: Sequence[str]) -> None:
        for name in names:
            setattr(self, name, getattr(operations, name))

    def start(self) -> None:
        """Continue deployments, queued invocations and jobs; containers start when invoked."""
        self._logs.start()
        self._metrics.start()
        self._deployer.start()
        self._monitor.start()
        self._training.start()
        self._tuning.tuner.start()
        self._transforms.runner.start()
        self._processing.runner.start()

    def stop(self) -> None:
        """Stop all containers and jobs; queued invocations are kept."""
        self._processing.runner.stop()
        self._transforms.runner.stop()
        self._tuning.tuner.stop()
        self._training.stop()
        self._monitor.stop()
        self._deployer.stop()
        self.hosts.stop()
        self._metrics.stop()
        self._logs.stop()
        self._spawner.stop()
        self._jobs.close()
        self._registry.close()
        self._store.close()


def _serving_folder(folder: Path) -> Path:
    """Return a folder with a link to `serving` alone, as an image contains nothing else."""
    parent = folder / "program"
    parent.mkdir(exist_ok=True)
    link = parent / "serving"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(_SERVING, target_is_directory=True)
    return parent
