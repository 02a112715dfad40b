"""Commands on a stage of AWS: package, deploy, destroy."""
