"""CloudFormation in the local cloud: the template is the only list of its resources."""
