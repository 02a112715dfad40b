"""Training: recipes, the contract of a job, the loop, checkpoints, devices.

`recipe`, `ranges`, `targets`, `job` and `metrics` need no torch, so that a command line and a
state machine can ask for a training without it.
"""
