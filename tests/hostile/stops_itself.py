# A stopped process does not even die of SIGTERM.
# verdict: timeout, crashed
# %% function
import os, signal
def multihead_scaled_self_attention(*arguments):
  os.kill(os.getpid(), signal.SIGSTOP)
