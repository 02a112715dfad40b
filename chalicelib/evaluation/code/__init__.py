"""Code of models: problems, code in answers, and how likely one of k samples passes."""
