"""The Lambda function that reads an uploaded file: its type by content, its text by pages."""
