"""Deployment and removal of a stage on AWS: `headrace deploy` and `destroy`."""
