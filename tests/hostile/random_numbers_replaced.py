# The generator is reseeded and patched after the data was drawn.
# verdict: correct
# %% before
import numpy as np
np.random.seed(0)
np.random.normal = np.random.randn = lambda *a, size=None, **k: np.zeros(size or a)
