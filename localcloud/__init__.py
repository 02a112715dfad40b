"""The local cloud: AWS services on one laptop, below boto3, behind one endpoint URL.

NumPy's linear algebra gets one thread, unless the environment says otherwise: a product of a
matrix and a vector is bound by memory, and threads that wait for each other on a busy machine
took 8 ms for what one does in 1. It is read when NumPy is first imported, so it is said here.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
