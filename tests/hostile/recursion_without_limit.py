# The stack itself runs out.
# verdict: crashed, error, memory
# %% function
import sys
def multihead_scaled_self_attention(*arguments):
  sys.setrecursionlimit(10 ** 9)
  class Deep:
    def __repr__(self):
      return repr(self)
  return repr(Deep())
