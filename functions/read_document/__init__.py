"""The Lambda function that reads an uploaded file: its type, and its text by pages."""
