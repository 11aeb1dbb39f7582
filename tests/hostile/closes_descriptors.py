# The kernel's sockets are gone.
# verdict: crashed, timeout
# %% before
import os
os.closerange(3, 1000)
