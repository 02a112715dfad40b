"""Services answered by moto, made durable by a journal: KMS, IAM, SNS, SSM and others."""
