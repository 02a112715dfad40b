"""JSONata in Step Functions: templates, checks before evaluation, and added functions."""
