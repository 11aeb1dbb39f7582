"""Modules that are loaded, but that nobody has imported yet: as in a new interpreter, only faster.

A notebook that imports `matplotlib` alone must not find `matplotlib.pyplot` there: elsewhere it would fail. Modules of
the standard library are left where they are: other code imports many of them only when it needs them.
"""

import contextlib
import importlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Group:
    """What one import loaded: modules by name, and as attributes of the packages that they are in."""

    modules: dict[str, ModuleType]
    attributes: list[tuple[ModuleType, str, ModuleType]]


class DeferredModules(MetaPathFinder, Loader):
    """Loads names, which must be in an order in which each needs those before it, and hides what they brought.

    A name that is imported later brings what came with it when it was loaded, and what those before it brought.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._groups = [_load(name) for name in names]
        for group in self._groups:
            for holder, name, _ in group.attributes:
                delattr(holder, name)
            for name in group.modules:
                del sys.modules[name]
        sys.meta_path.insert(0, self)

    def module(self, name: str) -> Any:
        """A module that nobody has imported yet, or None."""
        return next((group.modules[name] for group in self._groups if name in group.modules), None)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if self.module(name) is None:
            return None
        while name not in sys.modules:
            group = self._groups.pop(0)
            sys.modules |= group.modules
            for holder, attribute, module in group.attributes:
                setattr(holder, attribute, module)
        module = sys.modules.pop(name)  # otherwise it would be executed once more
        return ModuleSpec(name, self, loader_state=(module, module.__spec__))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = spec.loader_state[0]
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It ran when it was loaded; only its description has been replaced."""
        assert module.__spec__ is not None
        _, module.__spec__ = module.__spec__.loader_state


def _load(name: str) -> Group:
    before = set(sys.modules)
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
    loaded = {new: module for new, module in sys.modules.items() if new not in before}
    modules = {new: module for new, module in loaded.items() if new.split(".")[0] not in sys.stdlib_module_names}
    attributes = []
    for new, module in modules.items():
        parent, _, last = new.rpartition(".")
        holder = sys.modules.get(parent)
        if holder is not None and vars(holder).get(last) is module:
            attributes.append((holder, last, module))
    return Group(modules, attributes)
