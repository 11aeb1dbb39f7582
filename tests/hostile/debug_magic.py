# The debugger after an exception.
# verdict: correct
# %% before
1 / 0
# %% before
%debug
