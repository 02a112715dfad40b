"""CloudFormation templates: their parameters and their intrinsic functions."""
