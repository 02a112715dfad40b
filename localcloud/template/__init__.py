"""CloudFormation as the local cloud reads it: the template is the only list of resources."""
