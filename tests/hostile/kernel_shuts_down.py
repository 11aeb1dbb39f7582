# The kernel is told to end, in the middle of the notebook.
# verdict: crashed, correct, timeout
# %% before
import os, threading
threading.Timer(0.2, lambda: os._exit(0)).start()
import time; time.sleep(1)
