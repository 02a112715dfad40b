"""Says what of texts should not go into a model or come out; runs rules and nothing else."""
