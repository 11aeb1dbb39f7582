# Ends the process without a word.
# verdict: crashed
# %% before
import os
os._exit(0)
