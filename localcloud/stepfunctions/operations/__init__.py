"""The operations of Step Functions' API, one module for each kind of resource."""
