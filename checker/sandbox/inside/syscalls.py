"""System calls by name: their numbers on x86_64 and aarch64 (None: it has no such call), and why they are denied."""

NUMBERS: dict[str, tuple[int | None, int | None]] = {
    # used here
    "capset": (126, 91), "setfsuid": (122, 151), "setfsgid": (123, 152),
    "pivot_root": (155, 41), "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444), "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
    # decided by their arguments
    "clone": (56, 220), "socket": (41, 198), "socketpair": (53, 199), "ioctl": (16, 29), "prlimit64": (302, 261),
    "kill": (62, 129), "bind": (49, 200),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    # mounts, roots and namespaces
    "mount": (165, 40), "umount2": (166, 39), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    # large and often vulnerable parts of the kernel
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "fanotify_init": (300, 262), "personality": (135, 92), "modify_ldt": (154, None),
    # the machine as a whole
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "syslog": (103, 116), "vhangup": (153, 58), "iopl": (172, None), "ioperm": (173, None),
    # files past their paths, and so past Landlock
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    # reaching a server: the kernel only has to accept
    "connect": (42, 203),
    # memory that no limit counts
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "msgget": (68, 186), "semget": (64, 190),
    # flags in memory, where no filter can read them
    "clone3": (435, 435),
    # denied where the namespaces are the machine's: queues
    "mq_open": (240, 180), "msgsnd": (69, 189), "msgrcv": (70, 188), "semop": (65, 193), "semtimedop": (220, 192),
    # and seeming to work there: file attributes, which Landlock does not govern, and the priorities of others
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "setxattrat": (463, 463), "removexattrat": (466, 466),
    "setpriority": (141, 140), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274), "ioprio_set": (251, 30), "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}  # fmt: skip

_NAMES = list(NUMBERS)
USED = frozenset(_NAMES[: _NAMES.index("clone")])
BY_ARGUMENT = frozenset(_NAMES[_NAMES.index("clone") : _NAMES.index("ptrace")])
SHARED = frozenset(_NAMES[_NAMES.index("mq_open") : _NAMES.index("chmod")])
PRETENDED = frozenset(_NAMES[_NAMES.index("chmod") :])
DENIED = frozenset(_NAMES) - USED - BY_ARGUMENT - SHARED - PRETENDED | {"pivot_root"}
