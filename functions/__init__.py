"""One room a Lambda function. Functions never import each other."""
