"""Services answered by moto, made durable by a journal: DynamoDB, KMS, IAM, SNS and others."""
