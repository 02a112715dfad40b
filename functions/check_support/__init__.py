"""Says which claims of an answer rest on their sources; runs a model and nothing else."""
