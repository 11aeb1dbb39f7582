# verdict: correct
# weakest: confined
# %% before
!(f() { f | f & }; f) 2>/dev/null
