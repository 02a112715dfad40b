"""The command `evaluate tuned`: a tuned model against its base and other models."""
