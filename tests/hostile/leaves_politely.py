# sys.exit is an exception like others; exit() is asked of the kernel.
# verdict: correct
# %% before
exit()
# %% before
import sys
sys.exit(0)
