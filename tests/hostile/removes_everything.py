# What a shell can remove. Whether it did is seen from outside.
# verdict: correct
# weakest: reduced
# %% before
!rm -rf {TARGET["canary"]}
