# NaN, infinity, complex numbers, text.
# verdict: wrong, error
# %% function
import numpy as np
def multihead_scaled_self_attention(X, *arguments):
  return np.array([[np.nan, np.inf, -np.inf, 1e308, -0.0, 5e-324]] * 8)
