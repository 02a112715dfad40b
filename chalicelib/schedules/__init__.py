"""Schedules of tenants: the times that they run at, and the lifecycle of their runs."""
