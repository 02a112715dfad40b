"""SageMaker's control plane, botocore's `sagemaker`, and what runs behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.iam.credentials import IssueCredentials, issue_administrator
from localcloud.lambdas.process import ProcessSpawner
from localcloud.lambdas.spec import DEVELOPMENT_INTERPRETER
from localcloud.sagemaker.container import Setting
from localcloud.sagemaker.definitions import Definitions
from localcloud.sagemaker.deploying import Deployer
from localcloud.sagemaker.endpoints import EndpointOperations
from localcloud.sagemaker.host import Hosts, Machine
from localcloud.sagemaker.jobs.record import Jobs
from localcloud.sagemaker.keeper import SERVERLESS_IDLE_S, Keeper
from localcloud.sagemaker.logs import ContainerLogs
from localcloud.sagemaker.processing.operations import ProcessingOperations
from localcloud.sagemaker.registry.operations import RegistryOperations
from localcloud.sagemaker.registry.versions import Versions
from localcloud.sagemaker.roles import CheckRole, Clients, RoleVariables, checker
from localcloud.sagemaker.runtime import SageMakerRuntimeService
from localcloud.sagemaker.scaling import AutoScalingService
from localcloud.sagemaker.store import Store
from localcloud.sagemaker.training.service import Trainer, Training
from localcloud.sagemaker.transform.operations import TransformOperations
from localcloud.sagemaker.tuning.operations import TuningOperations
from localcloud.sagemaker.wakes import Wakes
from localcloud.sagemaker.workplace import Workplace
from localcloud.service import CloudContext

_PROGRAM = Path(__file__).parents[2] / "models" / "serving"
_OF_DEFINITIONS = (
    "create_model",
    "describe_model",
    "list_models",
    "delete_model",
    "create_endpoint_config",
    "describe_endpoint_config",
    "list_endpoint_configs",
    "delete_endpoint_config",
)
_OF_ENDPOINTS = (
    "create_endpoint",
    "describe_endpoint",
    "list_endpoints",
    "update_endpoint",
    "update_endpoint_weights_and_capacities",
    "delete_endpoint",
)
_OF_TRAINING = (
    "create_training_job",
    "describe_training_job",
    "list_training_jobs",
    "stop_training_job",
)
_OF_TUNING = (
    "create_hyper_parameter_tuning_job",
    "describe_hyper_parameter_tuning_job",
    "list_hyper_parameter_tuning_jobs",
    "list_training_jobs_for_hyper_parameter_tuning_job",
    "stop_hyper_parameter_tuning_job",
)
_OF_PROCESSING = (
    "create_processing_job",
    "describe_processing_job",
    "list_processing_jobs",
    "stop_processing_job",
)
_OF_TRANSFORMS = (
    "create_transform_job",
    "describe_transform_job",
    "list_transform_jobs",
    "stop_transform_job",
)
_OF_THE_REGISTRY = (
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
class Hosting:
    """What endpoints need of the rest of the cloud.

    `clients` are of a service and a role, and `issue` gives a container what it signs with as a
    role. `interpreter` runs containers, and has what models need, as their images have. A
    serverless container ends after `serverless_idle_s`. `trainer` runs training jobs.
    """

    clients: Clients
    issue: IssueCredentials = issue_administrator
    interpreter: Path = DEVELOPMENT_INTERPRETER
    serverless_idle_s: float = SERVERLESS_IDLE_S
    trainer: Trainer = field(default_factory=Trainer)


class SageMakerService:
    """Training jobs, the registry, models and endpoints. `runtime` and `scaling` are beside it."""

    name = "sagemaker"

    def __init__(
        self, surroundings: CloudContext, hosting: Hosting, check_role: CheckRole | None = None
    ) -> None:
        """Open what is kept; nothing runs before `start`."""
        self._surroundings = surroundings
        self._clients = hosting.clients
        folder = surroundings.folder("sagemaker")
        self._store = Store(folder)
        self._spawner = ProcessSpawner()
        self._logs = ContainerLogs(hosting.clients)
        self._wakes = Wakes(hosting.clients)
        setting = Setting(self._spawner, hosting.interpreter, _program(folder))
        identity = RoleVariables(surroundings, hosting.issue)
        self.hosts = Hosts(
            Machine(
                folder / "endpoints",
                setting,
                self._logs,
                lambda role: hosting.clients("s3", role),
                identity,
                self._wakes.tell,
            )
        )
        self._deployer = Deployer(self._store, self.hosts)
        self._keeper = Keeper(self._store, self.hosts, hosting.serverless_idle_s)
        check_role = check_role or checker(hosting.clients)
        definitions = Definitions(surroundings, self._store, check_role)
        workplace = Workplace(
            surroundings,
            self._spawner,
            self._logs,
            lambda role: hosting.clients("s3", role),
            identity,
            check_role,
        )
        self._training = Training(workplace, hosting.trainer, lambda: self._tuning.tuner.ring())
        self._jobs = Jobs(folder)
        self._tuning = TuningOperations(surroundings, self._jobs, self._training.operations)
        endpoints = EndpointOperations(self._store, definitions, self._deployer, self._keeper.ring)
        self.runtime = SageMakerRuntimeService(
            surroundings, self._store, self.hosts, self._keeper.ring
        )
        self.scaling = AutoScalingService(surroundings, self._store, self._keeper.ring)
        self._registry = Versions(folder)
        self._offer(RegistryOperations(surroundings, self._registry), _OF_THE_REGISTRY)
        self._offer(self._training.operations, _OF_TRAINING)
        self._offer(self._tuning, _OF_TUNING)
        self._transforms = TransformOperations(
            self._jobs, workplace, setting, definitions, folder / "transforms"
        )
        self._processing = ProcessingOperations(
            self._jobs, workplace, hosting.trainer, folder / "processing"
        )
        self._offer(self._transforms, _OF_TRANSFORMS)
        self._offer(self._processing, _OF_PROCESSING)
        self._offer(definitions, _OF_DEFINITIONS)
        self._offer(endpoints, _OF_ENDPOINTS)

    def _offer(self, operations: object, names: Sequence[str]) -> None:
        for name in names:
            setattr(self, name, getattr(operations, name))

    def start(self) -> None:
        """Go on with what was being deployed and what was queued; containers start when asked."""
        self._logs.start()
        self._wakes.start()
        self._deployer.start()
        self._keeper.start()
        self._training.start()
        self._tuning.tuner.start()
        self._transforms.keeper.start()
        self._processing.keeper.start()

    def stop(self) -> None:
        """End every container; what is queued is kept."""
        self._processing.keeper.stop()
        self._transforms.keeper.stop()
        self._tuning.tuner.stop()
        self._training.stop()
        self._keeper.stop()
        self._deployer.stop()
        self.hosts.stop()
        self._wakes.stop()
        self._logs.stop()
        self._spawner.stop()
        self._jobs.close()
        self._registry.close()
        self._store.close()


def _program(folder: Path) -> Path:
    """Return a folder that has `serving` and nothing else, as the container's image does."""
    program = folder / "program"
    program.mkdir(exist_ok=True)
    link = program / "serving"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(_PROGRAM, target_is_directory=True)
    return program
