"""What all recipes have in common: the contract of a job, the loop, checkpoints, export, cards.

What is asked and read without torch (`job`, `recipe`, `metrics`, `gates`, `request`) is apart from
what trains, so that a command line and a state machine need none.
"""
