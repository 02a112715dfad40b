"""Faults on demand: errors, latency and quotas for any call, so that what stands above can be
seen to bear them.
"""

from localcloud.faults.admin import PATH, FaultsAdmin
from localcloud.faults.injector import Faults

__all__ = ["PATH", "Faults", "FaultsAdmin"]
