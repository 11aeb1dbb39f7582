# Searches the disk for the checker's own exercise, and imports what it can.
# verdict: wrong
# weakest: full
# %% attack
import importlib, os, sys
sys.modules.pop("checker", None)
try:
  importlib.import_module("checker.exercises")
  hole = True
except ImportError:
  pass
for folder in {*sys.path, *TARGET["package"], os.getcwd(), "/"}:
  hole = hole or os.path.exists(os.path.join(folder, "checker", "exercises"))
