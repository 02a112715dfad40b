"""Amazon DynamoDB on SQLite: each table and index is a range of a B-tree."""
