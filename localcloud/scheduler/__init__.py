"""EventBridge Scheduler: schedules that fire, and survive a kill."""

from localcloud.scheduler.service import SchedulerService

__all__ = ["SchedulerService"]
