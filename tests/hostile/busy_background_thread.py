# A thread that computes for ever beside the answer.
# verdict: correct
# %% before
import threading
def spin():
  while True:
    sum(range(1000))
threading.Thread(target=spin, daemon=True).start()
