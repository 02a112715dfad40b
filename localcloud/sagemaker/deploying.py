"""Endpoints brought into service: a deployment is tried, and taken where it is healthy.

An update that fails leaves in service what was there, as SageMaker rolls back.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

import logging
import threading

from localcloud.sagemaker.container import Gone, TimedOut
from localcloud.sagemaker.deployment import Deployment
from localcloud.sagemaker.host import Host, Hosts
from localcloud.sagemaker.logs import log_group
from localcloud.sagemaker.package import Unusable
from localcloud.sagemaker.store import Endpoint, Store

_log = logging.getLogger(__name__)


class Deployer:
    """Deploys endpoints, each from a thread of its own."""

    def __init__(self, store: Store, hosts: Hosts) -> None:
        """Deploy what `store` says is wanted, into `hosts`."""
        self._store = store
        self._hosts = hosts
        self._trying: dict[str, Host] = {}
        self._stopping = False
        self._guard = threading.Lock()

    def start(self) -> None:
        """Go on with what a killed cloud left half done."""
        for endpoint in self._store.endpoints():
            if endpoint.status in ("Creating", "Updating"):
                self.deploy(endpoint)
            elif endpoint.status == "Deleting":
                self.delete(endpoint)

    def stop(self) -> None:
        """Give up what is being tried; the next start begins it again."""
        with self._guard:
            self._stopping = True
            trying = list(self._trying.values())
        for host in trying:
            host.stop()

    def deploy(self, endpoint: Endpoint) -> None:
        """Try what is wanted of an endpoint, in the background."""
        host = Host(self._hosts.machine, Deployment.of(endpoint.wanted))
        with self._guard:
            self._trying[endpoint.name] = host
        threading.Thread(
            target=self._try,
            args=(endpoint, host),
            name=f"sagemaker-deploy-{endpoint.name}",
            daemon=True,
        ).start()

    def delete(self, endpoint: Endpoint) -> None:
        """End an endpoint and forget it."""
        self._hosts.drop(endpoint.name)
        self._store.remove_endpoint(endpoint.name)

    def _try(self, endpoint: Endpoint, host: Host) -> None:
        try:
            host.prepare()
        except (Unusable, Gone, TimedOut) as error:
            self._failed(endpoint, host, str(error))
        except Exception as error:  # noqa: BLE001 - an endpoint must not stay in progress
            _log.exception("the endpoint %s could not be deployed", endpoint.name)
            self._failed(endpoint, host, f"The local cloud failed: {error}")
        else:
            self._hosts.take(host)
            self._store.change_endpoint(
                endpoint.name,
                status="InService",
                reason=None,
                deployed=host.deployment.document(),
                instances=host.deployment.initial,
            )
        finally:
            with self._guard:
                self._trying.pop(endpoint.name, None)

    def _failed(self, endpoint: Endpoint, host: Host, why: str) -> None:
        host.stop()
        with self._guard:
            if self._stopping:
                return
        variant = host.deployment.variant_name
        reason = (
            f"The primary container for production variant {variant} could not be brought into "
            f"service: {why} CloudWatch Logs have more in {log_group(endpoint.name)}."
        )
        if endpoint.deployed is None:
            self._store.change_endpoint(endpoint.name, status="Failed", reason=reason, instances=0)
            return
        before = Deployment.of(endpoint.deployed)
        self._store.change_endpoint(
            endpoint.name,
            status="InService",
            reason=reason,
            config=before.config["EndpointConfigName"],
            wanted=endpoint.deployed,
        )
