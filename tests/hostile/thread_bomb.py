# As many threads as there are.
# verdict: timeout, error, memory, crashed
# weakest: confined
# %% function
import threading, time
def multihead_scaled_self_attention(*arguments):
  while True:
    threading.Thread(target=time.sleep, args=(10 ** 6,)).start()
