# As far as the file system lets it: names may be seen, contents may not.
# verdict: wrong
# weakest: reduced
# %% attack
import os
for folder in TARGET["package"]:
  try:
    hole = hole or bool(open(os.path.join(folder, "checker", "exercises", "multihead_self_attention.py")).read())
  except OSError:
    pass
