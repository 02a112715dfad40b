"""Validation of definitions, as ValidateStateMachineDefinition reports it."""
