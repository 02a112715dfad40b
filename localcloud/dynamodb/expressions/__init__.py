"""DynamoDB's expression language: conditions, key conditions, updates and projections."""
