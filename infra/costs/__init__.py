"""Costs of a stage: while it is idle, and for each thing that is done."""
