"""Budgets and rate limits: pure rules, and the order of writes to a tenant's counters."""
