"""The local cloud: AWS services on one laptop, below boto3, behind one endpoint URL.

NumPy's linear algebra gets one thread unless the environment says otherwise: the product of a
matrix and a vector is bound by memory, and threads that waited for each other on a busy machine
took 8 ms where one takes 1. NumPy reads the variable when it is first imported, hence here.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
