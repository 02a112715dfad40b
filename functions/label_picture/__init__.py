"""The Lambda function that labels a picture, of a document or of a query."""
