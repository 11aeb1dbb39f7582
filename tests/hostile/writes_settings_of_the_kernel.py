# /proc/sys and control groups.
# verdict: wrong
# weakest: reduced
# %% attack
import os
for name in ("/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/self/oom_score_adj_"):
  try:
    os.close(os.open(name, os.O_WRONLY))
    hole = True
  except OSError:
    pass
for name in ("/sys/fs/cgroup/pids/mine", "/sys/fs/cgroup/mine"):
  try:
    os.mkdir(name)
    os.rmdir(name)
    hole = True
  except OSError:
    pass
