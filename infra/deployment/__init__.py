"""Deploy a package to a stage on AWS, and remove the stage: `headrace deploy` and `destroy`."""
