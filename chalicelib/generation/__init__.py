"""Generation: the served models, the calls to them, and what the calls cost."""
