# A deadlock with itself.
# verdict: timeout
# %% function
import threading
def multihead_scaled_self_attention(*arguments):
  lock = threading.Lock()
  with lock, lock:
    pass
