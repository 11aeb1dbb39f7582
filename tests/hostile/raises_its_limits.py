# verdict: wrong
# weakest: reduced
# %% attack
import resource
for limit in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
  try:
    resource.setrlimit(limit, (-1, -1))
    hole = True
  except (OSError, ValueError):
    pass
