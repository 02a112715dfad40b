"""The life of a job as pure rules: claims, admission, settlement, versions."""
