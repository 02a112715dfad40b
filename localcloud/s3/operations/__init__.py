"""The operations of S3's API, one module for each kind of resource."""
