# verdict: memory
# %% function
import numpy as np
def multihead_scaled_self_attention(*arguments):
  return np.ones(10 ** 12)
