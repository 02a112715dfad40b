"""The HTTP front door: one address for all services, below boto3."""
