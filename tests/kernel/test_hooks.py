"""Every hook into private parts of another package still holds: one test each, by the hook's name in `HOOKS`."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ROOT, notebook, outputs_of

from checker.kernel.client import LimitedClient
from checker.kernel.launch import launch
from checker.kernel.options import LAUNCHERS, Launcher, Limits
from checker.kernel.run import ProbeRequest, observe
from checker.sandbox.inside import hooks
from checker.sandbox.levels import LEVELS, Level, trial
from checker.submissions.notebook import parse

LINUX = sys.platform == "linux"
WEAKEST_WITH_SECCOMP: Level = next((level for level in LEVELS[1:] if LINUX and trial(level).started), "limits")


def printed(code: str, level: Level = "limits", launcher: Launcher = "spawn") -> str:
    """What one cell prints in a real kernel."""
    observation = observe(parse(notebook(code)), limits=Limits(cell=30), level=level, launcher=launcher)
    assert observation.ending == "finished" and not observation.failures, observation
    [outputs] = outputs_of(observation.executed)
    return "".join(output["text"] for output in outputs)


def in_a_new_interpreter(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def cell_names() -> None:
    shown = printed("import inspect, zlib\nname = inspect.currentframe().f_code.co_filename\nprint(name, len(In[-1]))")
    checksum = "".join(character for character in Path(shown.split()[0]).stem if character.isdigit())
    assert checksum and int(checksum) < 2**32
    code = "from checker.sandbox.inside import hooks; hooks.name_cells_quickly(); import ipykernel.compiler, zlib; "
    code += "name = ipykernel.compiler.get_file_name('x = 1'); seed = ipykernel.compiler.get_tmp_hash_seed(); "
    assert in_a_new_interpreter(f"{code}print(str(zlib.crc32(b'x = 1', seed)) in name)") == "True"


def shell_commands() -> None:
    assert "hello" in printed("!echo hello", WEAKEST_WITH_SECCOMP)
    code = "from checker.sandbox.inside import hooks; hooks.run_commands_without_terminal(); "
    code += "from ipykernel.zmqshell import ZMQInteractiveShell; print(ZMQInteractiveShell.system_piped is not None); "
    code += "import ipykernel.zmqshell; print(ipykernel.zmqshell.system('echo piped'))"
    assert in_a_new_interpreter(code).split() == ["True", "piped", "0"]


def kernel_arguments() -> None:
    code = "from ipykernel.kernelapp import IPKernelApp\nprint(IPKernelApp.instance().parse_command_line.__name__)"
    assert printed(code) == "<lambda>\n"


def exit_() -> None:
    observation = observe(parse(notebook("exit()", "x = 1")), ProbeRequest("f", ("x",)))
    assert observation.ending == "finished" and "x" in observation.values


def debugger() -> None:
    assert printed("import sys\nprint([name for name in sys.modules if 'debugpy' in name])") == "[]\n"


def request_content() -> None:
    assert observe(parse(notebook("x = 1")), ProbeRequest("f", ("x",))).values["x"].array == 1


def traceback() -> None:
    [failure] = observe(parse(notebook("def f(x):\n  return 1 / x", "\nf(0)"))).failures
    assert (failure.raised_in, failure.line, failure.text) == (1, 2, "return 1 / x")


def matplotlib_folders() -> None:
    code = "import matplotlib, os\nprint(matplotlib.get_configdir() == os.environ['MPLCONFIGDIR'])"
    assert [printed(code, launcher=launcher) for launcher in LAUNCHERS] == ["True\n"] * len(LAUNCHERS)


def font_lists() -> None:
    import matplotlib.font_manager

    path = Path(matplotlib.get_cachedir()) / f"fontlist-v{matplotlib.font_manager.FontManager.__version__}.json"
    path = path if path.exists() else next(path.parent.glob("fontlist-v*.json"))
    assert {"ttflist", "afmlist"} <= set(json.loads(path.read_text(encoding="utf-8")))
    code = "import os\nprint([name for name in os.listdir(os.environ['MPLCONFIGDIR']) if 'fontlist' in name])"
    assert path.name in printed(code)


def temporary_names() -> None:
    code = "import tempfile\nprint(os.path.basename(tempfile.mktemp()))".replace("os.path", "__import__('os').path")
    assert printed(code, launcher=LAUNCHERS[0]) != printed(code, launcher=LAUNCHERS[0])


def client() -> None:
    """A cell ends at once when its kernel is killed."""
    begun = time.monotonic()
    seen = observe(parse(notebook("print('x' * 10**6)\nimport time\ntime.sleep(50)")), limits=Limits(output=10**5))
    assert seen.ending == "output limit" and time.monotonic() - begun < 40
    assert {"kc", "task_poll_for_reply"} <= set(inspect.getsource(LimitedClient.__mro__[1]).replace(".", " ").split())


def session() -> None:
    async def started() -> bool:
        async with launch(2**31) as kernel:
            message = kernel.session.msg("kernel_info_request", {})
            frames = kernel.session.serialize(message)
            return kernel.session.sign(frames[2:6]) == frames[1] and kernel.is_alive()

    assert asyncio.run(started())


def grammars() -> None:
    code = "import sys; import checker.kernel.run; print('rfc3987_syntax' in sys.modules)"
    assert in_a_new_interpreter(code) == "False"


def interrupts_on_windows() -> None:
    from jupyter_client import launcher, win_interrupt

    assert callable(win_interrupt.send_interrupt)
    assert "win32_interrupt_event" in inspect.getsource(launcher.launch_kernel)


def main_module() -> None:
    """A worker of a script that has no `if __name__ == "__main__"` does not run the script again."""
    code = """
from multiprocessing import spawn
from checker.sandbox.inside import hooks
def runs_again(): return any(name.startswith("init_main_from") for name in spawn.get_preparation_data("worker"))
before = runs_again()
with hooks.without_main_module():
    print(before, runs_again())
"""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(code)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.split() == ["True", "False"]


TESTS: dict[str, Callable[[], None]] = {
    "cell names": cell_names,
    "shell commands": shell_commands,
    "kernel arguments": kernel_arguments,
    "exit": exit_,
    "debugger": debugger,
    "request content": request_content,
    "traceback": traceback,
    "matplotlib folders": matplotlib_folders,
    "font lists": font_lists,
    "temporary names": temporary_names,
    "client": client,
    "session": session,
    "grammars": grammars,
    "interrupts on Windows": interrupts_on_windows,
    "main module": main_module,
}


@pytest.mark.parametrize("name", hooks.HOOKS)
def test_the_hook_holds(name: str) -> None:
    hook = hooks.HOOKS[name]
    assert all((hook.package, hook.touches, hook.why, hook.without, hook.tried))
    TESTS[name]()


def test_no_hook_is_tested_that_is_not_listed() -> None:
    assert set(TESTS) == set(hooks.HOOKS)


def test_nothing_else_reaches_into_private_parts() -> None:
    """Assignments into other packages' modules and objects stand in the module of hooks and nowhere else."""
    own = Path(inspect.getfile(hooks))
    package = own.parent.parent.parent
    suspicious = ('vars(sys)["modules"]', "murmur2", "ask_exit", "__closure__", "_name_sequence", "parse_command_line")
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found = [word for word in suspicious if word in text]
        assert path == own or not found, (os.fspath(path), found)
