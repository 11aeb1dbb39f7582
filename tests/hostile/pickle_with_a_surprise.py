# Would write a file when somebody unpickles it.
# verdict: wrong, error
# %% function
import os
class Surprise:
  def __reduce__(self):
    return os.system, (f"touch {TARGET['canary']}/unpickled",)
def multihead_scaled_self_attention(*arguments):
  return Surprise()
