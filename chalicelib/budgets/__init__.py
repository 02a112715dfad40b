"""Budgets and rate limits: pure rules, and the order in which a tenant's counters are written."""
