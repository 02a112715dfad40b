"""Has a batch job of Bedrock answer items, and folds what it answered into their outcomes."""
