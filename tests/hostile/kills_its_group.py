# The group has the kernel in it.
# verdict: crashed
# weakest: confined
# %% before
import os, signal
os.killpg(0, signal.SIGKILL)
