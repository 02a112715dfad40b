"""Run a model that the stage serves: one module and Lambda function per task."""
