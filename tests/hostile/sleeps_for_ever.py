# verdict: timeout
# %% function
import time
def multihead_scaled_self_attention(*arguments):
  time.sleep(10 ** 8)
