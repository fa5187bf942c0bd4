"""One thread each, so that tests neither wait for one another nor differ by how sums are cut."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # torch, NumPy and LightGBM read it when they are first imported
