# verdict: crashed
# %% before
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
