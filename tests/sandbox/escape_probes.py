"""Attempts to get out of the sandbox, one function each. This text runs in a kernel and prints what was open.

A probe that returns true found a hole; false, or an exception, means closed. `TARGET` says what to aim at (see
`probing.py`); each probe has a process of its own. None of them harms a machine on which it succeeds.
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

TARGET: dict = globals().get("TARGET", {})
PROBES: dict = {}
MACHINE = {"x86_64": 0, "aarch64": 1, "arm64": 1}.get(platform.machine(), 0)


def probe(function):
    PROBES[function.__name__.replace("_", " ")] = function
    return function


def call(numbers, *arguments):
    """A system call; its result. Raises `OSError`."""
    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = libc.syscall(ctypes.c_long(numbers[MACHINE]), *given)
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def reached(numbers, *arguments):
    """Whether the machine looked at the arguments (which are wrong on purpose) instead of refusing the call."""
    try:
        call(numbers, *arguments)
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.EACCES, errno.ENOSYS)
    return True


def made_and_removed(path):
    """Whether a file can be made there; it does not stay. Raises `OSError`."""
    open(path, "w").close()
    os.unlink(path)
    return True


def victim(name):
    return os.path.join(TARGET["folder"], name)


# --- network


@probe
def connect_to_a_server_of_this_machine():
    return bool(socket.create_connection(("127.0.0.1", TARGET["tcp"]), 2))


@probe
def send_a_datagram():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", TARGET["udp"])) == 1


@probe
def listen_on_a_port():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return True


@probe
def internet_version_6():
    return bool(socket.socket(socket.AF_INET6))


@probe
def list_network_interfaces():
    return len(socket.if_nameindex()) > 0


@probe
def network_interfaces_in_sys():
    return bool(os.listdir("/sys/class/net"))


@probe
def packet_socket():
    return bool(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))


@probe
def connect_to_an_abstract_socket():
    socket.socket(socket.AF_UNIX).connect("\0" + TARGET["abstract"])
    return True


@probe
def connect_to_a_socket_file():
    socket.socket(socket.AF_UNIX).connect(victim("socket"))
    return True


@probe
def datagram_to_a_socket_file():
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", victim("datagrams"))
    return True


# --- files


@probe
def read_the_reference():
    return bool(open(TARGET["reference"]).read())


@probe
def read_any_file_of_the_checker():
    return bool(open(os.path.join(TARGET["package"], "__init__.py")).read())


@probe
def see_that_a_file_exists():
    return bool(os.stat(victim("readable")))


@probe
def list_other_submissions():
    return bool(os.listdir(TARGET["folder"]))


@probe
def read_another_submission():
    return bool(open(victim("readable")).read())


@probe
def read_a_private_file():
    return bool(open(victim("private")).read())


@probe
def list_the_home_folder():
    return not set(TARGET["at home"]).isdisjoint(os.listdir(TARGET["home"]))


@probe
def list_the_accounts():
    return len(open("/etc/passwd").readlines()) > 3


@probe
def read_password_hashes():
    return bool(open("/etc/shadow").read())


@probe
def write_into_a_folder_open_to_all():
    open(victim("open/new"), "w").close()
    return True


@probe
def change_a_file_open_to_all():
    open(victim("open/file"), "a").write("x")
    return True


@probe
def truncate_a_file_open_to_all():
    os.truncate(victim("open/file"), 1)
    return True


@probe
def move_a_file():
    os.rename(victim("open/moved"), "moved")
    return True


@probe
def delete_a_file():
    os.unlink(victim("open/deleted"))
    return True


@probe
def write_into_site_packages():
    import numpy

    return made_and_removed(os.path.join(os.path.dirname(numpy.__file__), "escaped.py"))


@probe
def write_beside_the_interpreter():
    return made_and_removed(os.path.join(os.path.dirname(sys.executable), "escaped"))


@probe
def write_beside_the_sockets():
    open(os.path.join(TARGET["sockets"], "escaped"), "w").close()
    return True


@probe
def list_the_folder_of_all_submissions():
    return bool(os.listdir(os.path.dirname(TARGET["folder"]))) and os.path.exists(TARGET["folder"])


@probe
def more_sockets_beside_the_sockets():
    socket.socket(socket.AF_UNIX).bind(os.path.join(TARGET["sockets"], "escaped-socket"))
    return True


@probe
def mode_of_another_file():
    os.chmod(victim("open"), 0o775)
    return stat.S_IMODE(os.stat(victim("open")).st_mode) == 0o775


@probe
def time_of_a_file_open_to_all():
    os.utime(victim("open/times"))
    return os.stat(victim("open/times")).st_mtime > 1e6


@probe
def attribute_of_a_file_open_to_all():
    os.setxattr(victim("open/file"), "user.escaped", b"x")
    return os.getxattr(victim("open/file"), "user.escaped") == b"x"


@probe
def read_by_a_hard_link():
    os.link(victim("readable"), "hard")
    return bool(open("hard").read())


@probe
def read_by_a_symbolic_link():
    os.symlink(victim("readable"), "symbolic")
    return bool(open("symbolic").read())


@probe
def read_by_a_file_handle():
    handle = ctypes.create_string_buffer(136)
    handle[0] = 128
    call((303, 264), -100, victim("readable").encode(), handle, ctypes.byref(ctypes.c_int()), 0)
    return True


@probe
def read_by_the_root_of_another_process():
    return bool(open(f"/proc/{TARGET['neighbour']}/root{victim('readable')}").read())


@probe
def descriptors_of_folders():
    return any(is_folder(number) for number in range(3, 256))


def is_folder(number):
    try:
        return stat.S_ISDIR(os.fstat(number).st_mode)
    except OSError:
        return False


@probe
def write_to_the_terminal_of_another():
    os.open(TARGET["terminal"], os.O_WRONLY | os.O_NOCTTY)
    return True


@probe
def read_a_disk():
    os.mknod("disk", 0o600 | stat.S_IFBLK, os.stat(TARGET["disk"]).st_rdev)
    return bool(open("disk", "rb").read(1))


@probe
def open_the_kernel_s_log():
    return os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK) > 0


@probe
def settings_of_the_machine():
    return os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY) > 0


@probe
def make_a_control_group():
    for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified"):
        try:
            os.mkdir(folder + "/escaped")
            os.rmdir(folder + "/escaped")
            return True
        except OSError:
            continue
    return False


# --- other processes


@probe
def see_another_process():
    return b"python" in open(f"/proc/{TARGET['neighbour']}/cmdline", "rb").read()


@probe
def environment_of_another_process():
    return bool(open(f"/proc/{TARGET['neighbour']}/environ", "rb").read())


@probe
def memory_of_another_process():
    return bool(open(f"/proc/{TARGET['neighbour']}/mem", "rb"))


@probe
def memory_of_the_judge():
    return bool(open(f"/proc/{TARGET['judge']}/mem", "rb"))


@probe
def trace_another_process():
    return call((101, 117), 0x4206, TARGET["neighbour"], 0, 0) == 0


@probe
def copy_memory_of_another_process():
    return reached((310, 270), TARGET["neighbour"], 0, 0, 0, 0, 0)


@probe
def take_a_descriptor_of_another_process():
    return call((438, 438), os.pidfd_open(TARGET["neighbour"]), 0, 0) >= 0


@probe
def signal_another_process():
    os.kill(TARGET["neighbour"], signal.SIGURG)
    return True


@probe
def signal_the_judge():
    os.kill(TARGET["judge"], signal.SIGURG)
    return True


@probe
def signal_the_supervisor():
    os.kill(TARGET["supervisor"], signal.SIGURG)
    return True


@probe
def limits_of_another_process():
    resource.prlimit(TARGET["neighbour"], resource.RLIMIT_CORE)
    return True


@probe
def priority_of_another_process():
    os.setpriority(os.PRIO_PROCESS, TARGET["neighbour"], 7)
    return os.getpriority(os.PRIO_PROCESS, TARGET["neighbour"]) == 7


# --- privileges


@probe
def namespaces_of_its_own():
    call((272, 97), 0x10000000)
    return True


@probe
def namespaces_for_a_child():
    return subprocess.run(["unshare", "-Ur", "true"], capture_output=True).returncode == 0


@probe
def mount_a_file_system():
    return reached((165, 40), b"none", b"/nonexistent", b"tmpfs", 0, 0)


@probe
def change_the_root():
    os.chroot(".")
    return True


@probe
def capabilities():
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    call((125, 90), header, sets)
    return any((sets[0], sets[1], sets[3], sets[4]))


@probe
def programs_that_gain_privileges():
    return ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 0


@probe
def run_as_root():
    return os.getuid() == 0 and open("/proc/self/uid_map").read().split()[1] == "0"


@probe
def raise_its_own_limits():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return True


@probe
def bpf():
    return reached((321, 280), 0, 0, 0)


@probe
def io_uring():
    return reached((425, 425), 0, 0)


@probe
def keys_of_the_kernel():
    return reached((250, 219), 0, -3, 0)


@probe
def performance_counters():
    return reached((298, 241), 0, 0, -1, -1, 0)


@probe
def userfaultfd():
    return reached((323, 282), 0)


@probe
def fanotify():
    return reached((300, 262), 0, 0)


@probe
def load_a_kernel_module():
    return reached((175, 105), 0, 0, b"")


@probe
def other_personalities():
    return reached((135, 92), 0xFFFFFFFF)


# --- resources


@probe
def memory_that_no_limit_counts():
    return bool(os.memfd_create("x"))


@probe
def shared_memory_of_system_v():
    identity = call((29, 194), 0, 4096, 0o1600)
    call((31, 195), identity, 0, 0)
    return True


@probe
def message_queues():
    call((240, 180), b"escaped", os.O_CREAT | os.O_RDWR, 0o600, 0)
    call((241, 181), b"escaped")
    return True


@probe
def much_memory():
    return bool(mmap.mmap(-1, 3 << 30))


@probe
def a_large_file():
    with open("large", "wb") as file:
        return os.posix_fallocate(file.fileno(), 0, 100 << 20) is None


@probe
def many_open_files():
    return bool([open("/dev/null") for _ in range(400)])


@probe
def many_threads():
    done = threading.Event()
    threads = []
    try:
        for _ in range(200):
            threads.append(threading.Thread(target=done.wait))
            threads[-1].start()
        return True
    finally:
        done.set()


@probe
def many_processes():
    children = []
    try:
        for _ in range(200):
            child = os.fork()
            if child == 0:
                time.sleep(20)
                os._exit(0)
            children.append(child)
        return True
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


# --- what only the other side can see; these try, and `probing` looks


def try_what_can_only_be_seen_from_outside():
    for folder in ("/tmp", "/dev/shm", "/var/tmp"):
        try:
            open(os.path.join(folder, TARGET["mark"] + "-left"), "w").close()
        except OSError:
            continue
    if os.fork() == 0:
        try:
            os.setsid()
        except OSError:
            pass
        if os.fork() == 0:
            code = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(99) #"
            code += TARGET["mark"]
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", code])
        os._exit(0)
    if os.fork() == 0:
        try:
            os.kill(-1, signal.SIGURG)
        finally:
            os._exit(0)


def outcome(function):
    """Run a probe in a process of its own, for at most ten seconds."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(10)
        try:
            said = "open" if function() else "closed"
        except BaseException as error:
            said = f"closed ({errno.errorcode.get(getattr(error, 'errno', None) or 0, type(error).__name__)})"
        os.write(send, said.encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as file:
        said = file.read().decode() or "closed (ended)"
    os.waitpid(child, 0)
    return said


def main():
    outcomes = {name: outcome(function) for name, function in PROBES.items()}
    try_what_can_only_be_seen_from_outside()
    print("OUTCOMES" + json.dumps(outcomes))
