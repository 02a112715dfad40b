"""The Lambda function that labels an image, of a document or of a query."""
