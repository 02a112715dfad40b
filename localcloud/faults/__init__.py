"""Faults on demand: errors, latency and quotas of any call, to test that callers bear them."""

from localcloud.faults.http_api import PATH, FaultsApi
from localcloud.faults.injector import FaultInjector

__all__ = ["PATH", "FaultInjector", "FaultsApi"]
