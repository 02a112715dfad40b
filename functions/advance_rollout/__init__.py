"""Advances a rollout: counts its calls, and goes on to the next stage, asks, promotes or stops."""
