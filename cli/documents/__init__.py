"""Commands on documents: put, sync, ls, status, retry, rm, collections."""
