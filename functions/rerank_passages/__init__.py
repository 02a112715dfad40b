"""Says how well passages fit a query; runs a model and nothing else."""
