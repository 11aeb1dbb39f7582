# Is something else each time it is asked.
# verdict: wrong, error
# %% function
import numpy as np
class Shy:
  count = 0
  def __array__(self, *a, **k):
    Shy.count += 1
    return np.full((8, 6), Shy.count)
def multihead_scaled_self_attention(*arguments):
  return Shy()
