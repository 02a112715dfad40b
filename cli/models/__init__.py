"""Commands on models: the catalogue, pulling, training, tuning, serving."""
