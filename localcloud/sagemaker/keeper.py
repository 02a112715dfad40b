"""The one background thread of endpoints: scales them, lets idle ones sleep, and hands out what is
queued for asynchronous ones.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from localcloud.sagemaker.asynchronous import Invocation
from localcloud.sagemaker.deployment import Deployment
from localcloud.sagemaker.host import Hosts
from localcloud.sagemaker.rules import Bounds, Load, change
from localcloud.sagemaker.scaling import POLICY, TARGET
from localcloud.sagemaker.store import Endpoint, Queued, Store

TICK_S = 0.25
SERVERLESS_IDLE_S = 300.0
"""After how long a serverless endpoint's container ends; AWS does not say."""
MOST_AT_ONCE = 4
"""Invocations of one endpoint in hand at once, whatever its configuration allows."""

_AGAIN_S = 5.0
_log = logging.getLogger(__name__)


class Keeper:
    """Keeps endpoints as busy as their policies say."""

    def __init__(
        self,
        store: Store,
        hosts: Hosts,
        serverless_idle_s: float = SERVERLESS_IDLE_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with `start`. `timer` gives seconds from any start."""
        self._store = store
        self._hosts = hosts
        self._serverless_idle_s = serverless_idle_s
        self._timer = timer
        self._invocation = Invocation(store, hosts)
        self._busy_at: dict[str, float] = {}
        self._in_hand: dict[str, set[int]] = {}
        self._guard = threading.Lock()
        self._bell = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sagemaker-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is queued stays."""
        self._stopping = True
        self._bell.set()
        if self._thread.ident is not None:
            self._thread.join(2)

    def ring(self) -> None:
        """Look now: something may have changed."""
        self._bell.set()

    def tick(self) -> bool:
        """Look at every endpoint once; tell whether there is one to look at again soon."""
        endpoints = self._store.endpoints()
        names = {endpoint.name for endpoint in endpoints}
        self._busy_at = {name: at for name, at in self._busy_at.items() if name in names}
        for endpoint in endpoints:
            if endpoint.deployed is not None and endpoint.status != "Deleting":
                self._look(endpoint, Deployment.of(endpoint.deployed))
        return bool(endpoints)

    def _run(self) -> None:
        while not self._stopping:
            self._bell.clear()
            soon = True
            try:
                soon = self.tick()
            except Exception:  # noqa: BLE001 - one that cannot be looked at must not stop the rest
                _log.exception("endpoints could not be looked at")
            self._bell.wait(TICK_S if soon else None)

    def _look(self, endpoint: Endpoint, deployment: Deployment) -> None:
        if deployment.mode == "serverless":
            idle_s = self._hosts.of(deployment).idle_s()
            if idle_s is not None and idle_s >= self._serverless_idle_s:
                self._hosts.of(deployment).sleep()
            return
        instances = self._scaled(endpoint, deployment)
        if deployment.mode == "asynchronous" and instances:
            self._hand_out(deployment)

    def _scaled(self, endpoint: Endpoint, deployment: Deployment) -> int:
        """Scale an endpoint by its policies; return how many instances it has then."""
        backlog = self._store.backlog(endpoint.name)
        now = self._timer()
        if backlog or endpoint.name not in self._busy_at:
            self._busy_at[endpoint.name] = now
        resource = f"endpoint/{endpoint.name}/variant/{deployment.variant_name}"
        target = self._store.get(TARGET, resource)
        if target is None:
            self._sleep_without_instances(endpoint, deployment)
            return endpoint.instances
        policies = [p.asked for p in self._store.all(POLICY) if p.asked["ResourceId"] == resource]
        load = Load(endpoint.instances, backlog, now - self._busy_at[endpoint.name])
        wanted = change(load, Bounds.of(target.asked), policies)
        if wanted is None:
            self._sleep_without_instances(endpoint, deployment)
            return endpoint.instances
        host = self._hosts.of(deployment)
        if not wanted.instances and not host.sleep() and host.pid is not None:
            return endpoint.instances  # something is in hand after all
        self._store.change_endpoint(endpoint.name, instances=wanted.instances)
        self._store.note(
            resource, f"Setting desired instance count to {wanted.instances}.", wanted.cause
        )
        return wanted.instances

    def _sleep_without_instances(self, endpoint: Endpoint, deployment: Deployment) -> None:
        if not endpoint.instances:
            self._hosts.of(deployment).sleep()

    def _hand_out(self, deployment: Deployment) -> None:
        with self._guard:
            in_hand = self._in_hand.setdefault(deployment.endpoint, set())
            free = min(deployment.at_once, MOST_AT_ONCE) - len(in_hand)
            if free <= 0:
                return
            waiting = [q for q in self._store.queued(deployment.endpoint) if q.id not in in_hand]
            chosen = waiting[:free]
            in_hand |= {queued.id for queued in chosen}
        for queued in chosen:
            threading.Thread(
                target=self._do, args=(deployment, queued), name="sagemaker-async", daemon=True
            ).start()

    def _do(self, deployment: Deployment, queued: Queued) -> None:
        try:
            self._invocation.do(deployment, queued)
        except Exception:  # noqa: BLE001 - it stays queued, and the rest must go on
            if not self._stopping:
                _log.exception("an invocation of %s is tried again", deployment.endpoint)
                time.sleep(_AGAIN_S)
        finally:
            with self._guard:
                self._in_hand[deployment.endpoint].discard(queued.id)
            self._bell.set()
