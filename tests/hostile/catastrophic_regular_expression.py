# A pattern with exponential backtracking.
# verdict: timeout
# %% function
import re
def multihead_scaled_self_attention(*arguments):
  return re.match(r"(a|aa)+$", "a" * 200 + "b")
