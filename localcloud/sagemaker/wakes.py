"""How long containers took to start that were not there, as CloudWatch has it.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-monitoring.html
"""

from __future__ import annotations

import logging
import queue
import threading

from localcloud.sagemaker.deployment import Deployment
from localcloud.sagemaker.roles import Clients

_MICROSECONDS = 1_000_000
_log = logging.getLogger(__name__)


class Wakes:
    """Cold wakes on their way into CloudWatch, as the metric ModelSetupTime, in microseconds."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._pending: queue.SimpleQueue[tuple[Deployment, float] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sagemaker-wakes", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is pending, then end."""
        if self._thread.ident is not None:
            self._pending.put(None)
            self._thread.join(2)

    def tell(self, deployment: Deployment, seconds: float) -> None:
        """Take a wake; it is written soon."""
        self._pending.put((deployment, seconds))

    def _run(self) -> None:
        while (item := self._pending.get()) is not None:
            deployment, seconds = item
            names = {"EndpointName": deployment.endpoint, "VariantName": deployment.variant_name}
            try:
                self._clients("cloudwatch", "").put_metric_data(
                    Namespace="AWS/SageMaker",
                    MetricData=[
                        {
                            "MetricName": "ModelSetupTime",
                            "Dimensions": [
                                {"Name": name, "Value": value} for name, value in names.items()
                            ],
                            "Unit": "Microseconds",
                            "Value": round(seconds * _MICROSECONDS),
                        }
                    ],
                )
            except Exception:  # noqa: BLE001 - a metric that cannot be kept must not stop the next
                _log.exception("the wake of %s could not be kept", deployment.endpoint)
