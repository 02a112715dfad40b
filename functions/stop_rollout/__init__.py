"""Stops a rollout: takes all traffic from its candidate, and can do nothing else."""
