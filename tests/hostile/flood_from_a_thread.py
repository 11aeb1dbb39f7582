# It goes on after the cell has ended.
# verdict: output limit
# %% before
import threading
def flood():
  while True:
    print("x" * 10000)
threading.Thread(target=flood, daemon=True).start()
# %% before
import time
time.sleep(60)
