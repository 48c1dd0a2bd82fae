"""What hypothesis draws for every table."""

import numpy as np
from hypothesis import strategies as st

Rng = np.random.Generator

seeds = st.integers(0, 2**32 - 1)
batches = st.integers(1, 6)
widths = st.integers(1, 5)
