# Settings of matplotlib, IPython and Jupyter in its own home are its own affair.
# verdict: correct
# %% before
import os
for name in (".matplotlib/matplotlibrc", ".ipython/profile_default/startup/00.py", ".jupyter/jupyter_config.py", "matplotlibrc"):
  os.makedirs(os.path.dirname(os.path.expanduser("~/" + name)), exist_ok=True)
  with open(os.path.expanduser("~/" + name), "w") as file:
    file.write("raise SystemExit\n")
