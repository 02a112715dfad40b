"""JSONPath in Step Functions: paths, filters, intrinsic functions and payload templates."""
