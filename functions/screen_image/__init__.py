"""Says how likely a picture is pornographic; runs a model and nothing else."""
