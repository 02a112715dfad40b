"""The background thread of endpoints: scaling, stopping idle containers, async invocations."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from localcloud.sagemaker.hosting.async_invoker import AsyncInvoker
from localcloud.sagemaker.hosting.autoscaler import POLICY, TARGET
from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.hosting.host import HostPool
from localcloud.sagemaker.hosting.scaling_rules import CapacityLimits, EndpointLoad, plan_capacity
from localcloud.sagemaker.hosting.store import Endpoint, HostingStore, QueuedInvocation

CHECK_INTERVAL_S = 0.25
SERVERLESS_IDLE_S = 300.0
"""Seconds after which an idle serverless container is stopped; AWS does not document its own."""
MAX_CONCURRENT_INVOCATIONS = 4
"""The most invocations of one endpoint at once, whatever its configuration allows."""

_RETRY_S = 5.0
_log = logging.getLogger(__name__)


class EndpointMonitor:
    """Scales endpoints by their policies and dispatches their asynchronous invocations."""

    def __init__(
        self,
        store: HostingStore,
        hosts: HostPool,
        serverless_idle_s: float = SERVERLESS_IDLE_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create the monitor, which `start` starts. `timer` is a monotonic clock in seconds."""
        self._store = store
        self._hosts = hosts
        self._serverless_idle_s = serverless_idle_s
        self._timer = timer
        self._invoker = AsyncInvoker(store, hosts)
        self._busy_at: dict[str, float] = {}
        self._in_flight: dict[str, set[int]] = {}
        self._guard = threading.Lock()
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sagemaker-keeper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; queued invocations are kept."""
        self._stopping = True
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join(2)

    def wake(self) -> None:
        """Check all endpoints now."""
        self._woken.set()

    def check_endpoints(self) -> bool:
        """Check every endpoint once; return whether there is any."""
        endpoints = self._store.endpoints()
        names = {endpoint.name for endpoint in endpoints}
        self._busy_at = {name: at for name, at in self._busy_at.items() if name in names}
        for endpoint in endpoints:
            if endpoint.deployed is not None and endpoint.status != "Deleting":
                for deployment in endpoint.deployed.variants:
                    self._check(endpoint, deployment)
        return bool(endpoints)

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            check_again = True
            try:
                check_again = self.check_endpoints()
            except Exception:  # noqa: BLE001 - one that cannot be checked must not stop the rest
                _log.exception("endpoints could not be checked")
            self._woken.wait(CHECK_INTERVAL_S if check_again else None)

    def _check(self, endpoint: Endpoint, deployment: Deployment) -> None:
        if deployment.mode == "serverless":
            idle_s = self._hosts.host_for(deployment).idle_s()
            if idle_s is not None and idle_s >= self._serverless_idle_s:
                self._hosts.host_for(deployment).stop_if_idle()
            return
        instances = self._scale(endpoint, deployment)
        if deployment.mode == "asynchronous" and instances:
            self._dispatch(deployment)

    def _scale(self, endpoint: Endpoint, deployment: Deployment) -> int:
        """Scale a variant by its policies; return its number of instances afterwards."""
        backlog = self._store.backlog(endpoint.name)
        instances = endpoint.capacities[deployment.variant_name].instances
        now = self._timer()
        if backlog or endpoint.name not in self._busy_at:
            self._busy_at[endpoint.name] = now
        resource = f"endpoint/{endpoint.name}/variant/{deployment.variant_name}"
        target = self._store.definition(TARGET, resource)
        if target is None:
            self._sleep_without_instances(instances, deployment)
            return instances
        policies = [
            p.request
            for p in self._store.definitions(POLICY)
            if p.request["ResourceId"] == resource
        ]
        load = EndpointLoad(instances, backlog, now - self._busy_at[endpoint.name])
        change = plan_capacity(load, CapacityLimits.from_target(target.request), policies)
        if change is None:
            self._sleep_without_instances(instances, deployment)
            return instances
        host = self._hosts.host_for(deployment)
        if not change.instances and not host.stop_if_idle() and host.pid is not None:
            return instances  # an invocation has begun meanwhile
        self._store.set_capacities(
            endpoint.name, {deployment.variant_name: (None, change.instances)}
        )
        self._store.record_activity(
            resource, f"Setting desired instance count to {change.instances}.", change.cause
        )
        return change.instances

    def _sleep_without_instances(self, instances: int, deployment: Deployment) -> None:
        if not instances:
            self._hosts.host_for(deployment).stop_if_idle()

    def _dispatch(self, deployment: Deployment) -> None:
        with self._guard:
            in_hand = self._in_flight.setdefault(deployment.endpoint, set())
            free = min(deployment.max_concurrency, MAX_CONCURRENT_INVOCATIONS) - len(in_hand)
            if free <= 0:
                return
            waiting = [
                q
                for q in self._store.queued_invocations(deployment.endpoint)
                if q.id not in in_hand
            ]
            selected = waiting[:free]
            in_hand |= {queued.id for queued in selected}
        for queued in selected:
            threading.Thread(
                target=self._process, args=(deployment, queued), name="sagemaker-async", daemon=True
            ).start()

    def _process(self, deployment: Deployment, queued: QueuedInvocation) -> None:
        try:
            self._invoker.process(deployment, queued)
        except Exception:  # noqa: BLE001 - it stays queued, and the rest must go on
            if not self._stopping:
                _log.exception("an invocation of %s is tried again", deployment.endpoint)
                time.sleep(_RETRY_S)
        finally:
            with self._guard:
                self._in_flight[deployment.endpoint].discard(queued.id)
            self._woken.set()
