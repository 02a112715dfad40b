"""SageMaker's registry of models: groups, and their versions with metrics and approvals."""
