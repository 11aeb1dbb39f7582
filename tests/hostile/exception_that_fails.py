# Raises again when somebody asks what it was.
# verdict: error, crashed, timeout
# %% function
class Rude(Exception):
  def __str__(self): raise self
  __repr__ = __str__
def multihead_scaled_self_attention(*arguments):
  raise Rude()
