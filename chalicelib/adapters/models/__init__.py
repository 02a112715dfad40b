"""Models reached by adapters: Bedrock, SageMaker endpoints, and functions that run models."""
