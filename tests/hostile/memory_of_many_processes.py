# Each process takes less than its limit, all together would take the machine.
# verdict: memory, timeout, crashed, error, wrong
# weakest: confined
# %% function
import os, time
def multihead_scaled_self_attention(*arguments):
  for _ in range(40):
    if os.fork() == 0:
      taken = b"x" * (10 ** 9)
      time.sleep(10 ** 6)
  time.sleep(10 ** 6)
