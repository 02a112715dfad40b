"""Lambda functions, one package each; functions never import each other."""
