"""From a package to a running stage on AWS, and back: `headrace deploy` and `headrace destroy`."""
