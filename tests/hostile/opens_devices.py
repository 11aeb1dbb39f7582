# Disks, memory, and making a node of one's own.
# verdict: wrong
# weakest: reduced
# %% attack
import os, stat
for name in ("/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kmsg", "/dev/kvm"):
  try:
    hole = hole or os.open(name, os.O_RDONLY) > 0
  except OSError:
    pass
try:
  os.mknod("node", stat.S_IFBLK | 0o600, os.makedev(254, 0))
  hole = True
except OSError:
  pass
