# Says it has ten thousand billion elements.
# verdict: wrong, error
# %% function
import numpy as np
class Huge(np.ndarray):
  shape = (10 ** 13,)
  size = 10 ** 13
  nbytes = 8 * 10 ** 13
def multihead_scaled_self_attention(*arguments):
  return np.ones((8, 6)).view(Huge)
