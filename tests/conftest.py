"""What holds for every test."""

import os

# One thread per test process, before torch is imported: two processes with two threads each would
# wait for one another on two cores, and sums over another number of threads differ in their last
# digits, which the comparisons of simulation engines would see.
os.environ.setdefault("OMP_NUM_THREADS", "1")
