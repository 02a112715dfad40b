"""Brings endpoints into service: a fleet is started, and used once all of it is healthy.

If an update fails, the fleet before it stays in service, as SageMaker rolls back. An update with a
DeploymentConfig shifts traffic in steps, and back if one of its alarms is raised.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.cloudwatch import log_group
from localcloud.sagemaker.hosting.container import ContainerEnded, ContainerTimeout
from localcloud.sagemaker.hosting.fleet import Fleet
from localcloud.sagemaker.hosting.guardrails import ShiftPlan, shift_plan
from localcloud.sagemaker.hosting.host import HostPool, ModelHost
from localcloud.sagemaker.hosting.model_archive import UnusableModel
from localcloud.sagemaker.hosting.store import Endpoint, HostingStore, TrafficShift

ALARM_INTERVAL_S = 0.5
"""Seconds between two looks at the alarms while an update bakes."""

CloudWatchFactory = Callable[[str], Any]
"""Returns a CloudWatch client with a role, by its ARN."""

_log = logging.getLogger(__name__)


class RollBack(Exception):  # noqa: N818 - named for what follows
    """Raised if an update must go back to the fleet before it; its text is the reason."""


class Deployer:
    """Deploys endpoints, each in a thread of its own."""

    def __init__(self, store: HostingStore, hosts: HostPool, alarms: CloudWatchFactory) -> None:
        """Deploy the desired fleets of `store` into `hosts`; `alarms` reads alarms as a role."""
        self._store = store
        self._hosts = hosts
        self._alarms = alarms
        self._pending: dict[str, Sequence[ModelHost]] = {}
        self._stopping = threading.Event()
        self._guard = threading.Lock()

    def start(self) -> None:
        """Continue the deployments and deletions that a killed cloud left unfinished.

        An update that was shifting traffic begins again with its first step.
        """
        for endpoint in self._store.endpoints():
            if endpoint.shift is not None:
                self._store.update_endpoint(endpoint.name, shift=None)
            if endpoint.status == "Creating" or endpoint.is_deploying:
                self.deploy(endpoint)
            elif endpoint.status == "RollingBack":
                self._keep_previous(endpoint, endpoint.reason or "")
            elif endpoint.status == "Deleting":
                self.delete(endpoint)

    def stop(self) -> None:
        """Abort running deployments; the next start begins them again."""
        with self._guard:
            self._stopping.set()
            pending = [host for hosts in self._pending.values() for host in hosts]
        for host in pending:
            host.stop()

    def deploy(self, endpoint: Endpoint) -> None:
        """Start the desired fleet of an endpoint in the background."""
        hosts = [ModelHost(self._hosts.environment, each) for each in endpoint.desired.variants]
        with self._guard:
            self._pending[endpoint.name] = hosts
        threading.Thread(
            target=self._deploy,
            args=(endpoint, hosts),
            name=f"sagemaker-deploy-{endpoint.name}",
            daemon=True,
        ).start()

    def delete(self, endpoint: Endpoint) -> None:
        """Stop an endpoint and remove it from the store."""
        self._hosts.retain(endpoint.name)
        self._store.remove_endpoint(endpoint.name)

    def _deploy(self, endpoint: Endpoint, hosts: Sequence[ModelHost]) -> None:
        try:
            for host in hosts:
                self._prepare(host)
            self._hosts.add(hosts)
            if endpoint.deployed is not None and endpoint.desired.guardrails is not None:
                self._shift(endpoint, endpoint.desired.guardrails)
        except RollBack as error:
            self._fail(endpoint, hosts, str(error))
        except Exception as error:  # noqa: BLE001 - an endpoint must not stay in progress
            _log.exception("the endpoint %s could not be deployed", endpoint.name)
            self._fail(endpoint, hosts, f"The local cloud failed: {error}")
        else:
            if not self._stopping.is_set():
                self._store.put_in_service(endpoint.name, endpoint.desired)
                self._hosts.retain(endpoint.name, {host.deployment.id for host in hosts})
        finally:
            with self._guard:
                self._pending.pop(endpoint.name, None)

    def _prepare(self, host: ModelHost) -> None:
        try:
            host.prepare()
        except (UnusableModel, ContainerEnded, ContainerTimeout) as error:
            deployment = host.deployment
            raise RollBack(
                f"The primary container for production variant {deployment.variant_name} could not "
                f"be brought into service: {error} CloudWatch Logs have more in "
                f"{log_group(deployment.endpoint)}."
            ) from error

    def _shift(self, endpoint: Endpoint, guardrails: Mapping[str, Any]) -> None:
        """Shift traffic to the new fleet step by step. Raises RollBack."""
        plan = shift_plan(guardrails, endpoint.desired)
        deadline = time.monotonic() + plan.timeout_s
        self._check_alarms(plan, endpoint.desired)
        waits = [plan.bake_s] * len(plan.shares)
        waits[-1] += plan.termination_wait_s
        for share, wait_s in zip(plan.shares, waits, strict=True):
            shift = TrafficShift(share, "Baking", self._store.now())
            self._store.update_endpoint(endpoint.name, shift=shift)
            baked_at = time.monotonic() + wait_s
            while (left_s := baked_at - time.monotonic()) > 0:
                if self._stopping.wait(min(left_s, ALARM_INTERVAL_S)):
                    return
                self._check_alarms(plan, endpoint.desired)
                if time.monotonic() > deadline:
                    raise RollBack(f"The update took more than {plan.timeout_s} s.")
            self._check_alarms(plan, endpoint.desired)

    def _check_alarms(self, plan: ShiftPlan, fleet: Fleet) -> None:
        """Raise RollBack if an alarm is raised, does not exist or cannot be read.

        They are read as the model's role, which needs cloudwatch:DescribeAlarms on AWS as well.
        """
        if not plan.alarms:
            return
        try:
            described = self._alarms(fleet.role_arn).describe_alarms(AlarmNames=list(plan.alarms))
        except (ClientError, BotoCoreError) as error:
            raise RollBack(
                f"The alarms {', '.join(plan.alarms)} cannot be read: {error}"
            ) from error
        states = {
            each["AlarmName"]: each["StateValue"]
            for each in [*described["MetricAlarms"], *described.get("CompositeAlarms", ())]
        }
        for name in plan.alarms:
            if name not in states:
                raise RollBack(f"The alarm {name} does not exist.")
            if states[name] == "ALARM":
                raise RollBack(f"The alarm {name} is in the state ALARM.")

    def _fail(self, endpoint: Endpoint, hosts: Sequence[ModelHost], reason: str) -> None:
        if self._stopping.is_set():
            return
        if endpoint.deployed is not None:
            self._store.update_endpoint(
                endpoint.name, status="RollingBack", reason=reason, shift=None
            )
            self._hosts.retain(endpoint.name, {each.id for each in endpoint.deployed.variants})
        for host in hosts:
            host.stop()
        self._keep_previous(endpoint, reason)

    def _keep_previous(self, endpoint: Endpoint, reason: str) -> None:
        """Have the fleet in service stay, or the endpoint fail if there is none."""
        if endpoint.deployed is None:
            self._store.update_endpoint(endpoint.name, status="Failed", reason=reason)
            return
        self._store.update_endpoint(
            endpoint.name,
            status="InService",
            reason=reason,
            config=endpoint.deployed.config_name,
            wanted=endpoint.deployed,
        )
