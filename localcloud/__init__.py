"""The local cloud: AWS services on one laptop, below boto3, behind one endpoint URL."""
