"""Amazon EventBridge Scheduler: durable schedules and their groups."""

from localcloud.scheduler.service import SchedulerService

__all__ = ["SchedulerService"]
