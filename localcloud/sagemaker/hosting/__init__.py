"""Endpoints: models, deployments, hosts, invocations and scaling."""
