"""Run a model that the stage serves: a module a task, deployed as a Lambda function each."""
