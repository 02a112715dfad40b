"""Brings endpoints into service: a deployment is started, and used once it is healthy.

If an update fails, the deployment before it stays in service, as SageMaker rolls back.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

import logging
import threading

from localcloud.sagemaker.cloudwatch import log_group
from localcloud.sagemaker.hosting.container import ContainerEnded, ContainerTimeout
from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.hosting.host import HostPool, ModelHost
from localcloud.sagemaker.hosting.model_archive import UnusableModel
from localcloud.sagemaker.hosting.store import Endpoint, HostingStore

_log = logging.getLogger(__name__)


class Deployer:
    """Deploys endpoints, each in a thread of its own."""

    def __init__(self, store: HostingStore, hosts: HostPool) -> None:
        """Deploy the desired deployments of `store` into `hosts`."""
        self._store = store
        self._hosts = hosts
        self._pending: dict[str, ModelHost] = {}
        self._stopping = False
        self._guard = threading.Lock()

    def start(self) -> None:
        """Continue the deployments and deletions that a killed cloud left unfinished."""
        for endpoint in self._store.endpoints():
            if endpoint.status in ("Creating", "Updating"):
                self.deploy(endpoint)
            elif endpoint.status == "Deleting":
                self.delete(endpoint)

    def stop(self) -> None:
        """Abort running deployments; the next start begins them again."""
        with self._guard:
            self._stopping = True
            pending = list(self._pending.values())
        for host in pending:
            host.stop()

    def deploy(self, endpoint: Endpoint) -> None:
        """Start the desired deployment of an endpoint in the background."""
        host = ModelHost(self._hosts.environment, Deployment.from_document(endpoint.desired))
        with self._guard:
            self._pending[endpoint.name] = host
        threading.Thread(
            target=self._deploy,
            args=(endpoint, host),
            name=f"sagemaker-deploy-{endpoint.name}",
            daemon=True,
        ).start()

    def delete(self, endpoint: Endpoint) -> None:
        """Stop an endpoint and remove it from the store."""
        self._hosts.remove(endpoint.name)
        self._store.remove_endpoint(endpoint.name)

    def _deploy(self, endpoint: Endpoint, host: ModelHost) -> None:
        try:
            host.prepare()
        except (UnusableModel, ContainerEnded, ContainerTimeout) as error:
            self._fail(endpoint, host, str(error))
        except Exception as error:  # noqa: BLE001 - an endpoint must not stay in progress
            _log.exception("the endpoint %s could not be deployed", endpoint.name)
            self._fail(endpoint, host, f"The local cloud failed: {error}")
        else:
            self._hosts.activate(host)
            self._store.update_endpoint(
                endpoint.name,
                status="InService",
                reason=None,
                deployed=host.deployment.to_document(),
                instances=host.deployment.initial,
            )
        finally:
            with self._guard:
                self._pending.pop(endpoint.name, None)

    def _fail(self, endpoint: Endpoint, host: ModelHost, cause: str) -> None:
        host.stop()
        with self._guard:
            if self._stopping:
                return
        variant = host.deployment.variant_name
        reason = (
            f"The primary container for production variant {variant} could not be brought into "
            f"service: {cause} CloudWatch Logs have more in {log_group(endpoint.name)}."
        )
        if endpoint.deployed is None:
            self._store.update_endpoint(endpoint.name, status="Failed", reason=reason, instances=0)
            return
        previous = Deployment.from_document(endpoint.deployed)
        self._store.update_endpoint(
            endpoint.name,
            status="InService",
            reason=reason,
            config=previous.config["EndpointConfigName"],
            wanted=endpoint.deployed,
        )
