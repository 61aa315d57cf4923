"""What installed Python packages say about themselves. Their source is read by griffe and never imported or run."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import logging
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import griffe

from studiolo.tools.documentation.entry import LONGEST_SIGNATURE, LONGEST_TEXT, Item

MOST_ITEMS = 40_000  # of one package
DEEPEST = 8
LEFT_OUT = re.compile(
    r"(^|\.)(tests?|testing|_tests?|conftest|benchmarks?|examples?|_vendor|vendor|vendored|_pytest)(\.|$)"
)
NOT_DOCUMENTED = frozenset(
    ("__future__", "antigravity", "this", "idlelib", "lib2to3", "turtledemo", "test", "distutils")
)
COMPILED = (
    *("builtins", "sys", "os", "math", "time", "itertools", "collections", "functools", "sqlite3", "struct", "zlib"),
    *("hashlib", "io", "array", "select", "socket", "threading", "unicodedata", "binascii", "gc", "bisect", "heapq"),
    *("random", "datetime", "decimal", "operator", "csv", "json", "re", "mmap", "pickle", "signal", "statistics"),
)
STANDARD = "python"  # the package that the standard library is


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution in an environment. `stamp` changes when it has to be read again."""

    name: str
    version: str
    modules: tuple[str, ...]
    path: Path
    stamp: str


def installed(environment: Path) -> Iterator[Package]:
    """The packages of an environment: a virtual environment, or a folder that packages lie in."""
    for site in _sites(environment):
        for found in sorted(importlib.metadata.distributions(path=[str(site)]), key=lambda one: str(one.name).lower()):
            modules = _modules(found, site)
            if modules and found.name:
                stamp = f"{found.version} {_changed(site, modules)}"
                yield Package(str(found.name), str(found.version), modules, site, stamp)


def standard_library() -> Package:
    """The standard library of the interpreter that runs this."""
    path = Path(sysconfig.get_path("stdlib"))
    modules = sorted(
        name
        for name in sys.stdlib_module_names
        if not name.startswith("_")
        and name not in NOT_DOCUMENTED
        and ((path / f"{name}.py").exists() or (path / name / "__init__.py").exists())
    )
    version = ".".join(map(str, sys.version_info[:3]))
    return Package(STANDARD, version, tuple(modules), path, version)


def _sites(environment: Path) -> list[Path]:
    if environment.is_file():  # an interpreter
        environment = environment.parent.parent
    found = [*environment.glob("lib/python3*/site-packages"), *environment.glob("Lib/site-packages")]
    return sorted(found) or ([environment] if environment.is_dir() else [])


def _modules(found: importlib.metadata.Distribution, site: Path) -> tuple[str, ...]:
    """The importable names at the top of a distribution."""
    names: set[str] = set()
    for file in found.files or ():
        path = PurePosixPath(str(file))
        first = path.parts[0]
        if first in ("..", ".", "__pycache__", "bin") or first.endswith((".dist-info", ".egg-info", ".data", ".libs")):
            continue
        if len(path.parts) == 1 and path.suffix in (".py", ".pyi"):
            names.add(path.stem)
        elif len(path.parts) > 1 and path.suffix in (".py", ".pyi") and first.removesuffix("-stubs").isidentifier():
            names.add(first.removesuffix("-stubs"))
    return tuple(sorted(name for name in names if not LEFT_OUT.search(name)))


def _changed(site: Path, modules: tuple[str, ...]) -> int:
    times = [(site / name).stat().st_mtime_ns for name in modules if (site / name).exists()]
    return max(times, default=0)


def read(package: Package) -> Iterator[Item]:
    """Everything public in a package, by its public names, with what it says of itself."""
    logging.getLogger("griffe").setLevel(logging.CRITICAL)
    loader = griffe.GriffeLoader(
        search_paths=[str(package.path)], allow_inspection=False, store_source=False, force_inspection=False
    )
    tops: list[Any] = []
    for name in package.modules:
        try:
            tops.append(loader.load(name, submodules=True, try_relative_path=False, find_stubs_package=True))
        except Exception:
            continue
    reading = _Reading(package, tops)
    yield from reading.items()
    if package.name == STANDARD:
        yield from _compiled(reading.given)


def _compiled(given: set[str]) -> Iterator[Item]:
    """What the standard library has in C: it has no source, so the interpreter's own modules are looked at."""
    for name in COMPILED:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        for last in sorted(vars(module)):
            found = getattr(module, last)
            if last.startswith("_") or not callable(found) or not getattr(found, "__doc__", None):
                continue
            if f"{name}.{last}" in given or getattr(found, "__module__", name) not in (name, f"_{name}", "posix", None):
                continue
            path = last if name == "builtins" else f"{name}.{last}"
            kind = "class" if isinstance(found, type) else "function"
            yield Item(path, kind, _inspected(last, found, kind), inspect.getdoc(found) or "", f"{name} (compiled)")
            for inner, method in sorted(vars(found).items()) if isinstance(found, type) else ():
                if not inner.startswith("_") and callable(method) and getattr(method, "__doc__", None):
                    text = inspect.getdoc(method) or ""
                    yield Item(f"{path}.{inner}", "method", _inspected(inner, method, ""), text, f"{name} (compiled)")


def _inspected(last: str, found: Any, kind: str) -> str:
    try:
        signature = str(inspect.signature(found)).replace("(self, /, ", "(").replace("(self, /)", "()")
    except (ValueError, TypeError):
        signature = "(...)"
    return f"class {last}{signature}" if kind == "class" else f"{last}{signature}"


class _Reading:
    """One package's objects, and under which names they are public."""

    def __init__(self, package: Package, tops: list[Any]) -> None:
        self._package = package
        self._tops = tops
        self._found: dict[str, Any] = {}
        self._targets: dict[str, str] = {}
        """Where each name that was imported from elsewhere leads, one step."""
        self._offered: set[str] = set()
        """Those of them that their module means to offer."""
        self._exported: dict[str, list[str]] = {}
        """For a canonical path: the names under which modules offer it."""

        self.given: set[str] = set()
        """The names that were given out."""

    def items(self) -> Iterator[Item]:
        for top in self._tops:
            self._walk(top, 0)
        for name, target in self._targets.items():
            end = self._end(target)
            if name in self._offered and end in self._found and _is_public(name):
                self._exported.setdefault(end, []).append(name)
        given = 0
        inherited = self._inherited()
        for path, found in self._found.items():
            names = self._names(path, found)
            names += [name for name in inherited.get(path, ()) if name not in names]
            if not names or given >= MOST_ITEMS:
                continue
            item = self._item(names, found)
            if item is not None:
                given += 1
                self.given.update(names)
                yield item

    def _walk(self, found: Any, depth: int) -> None:
        path = str(found.path)
        if LEFT_OUT.search(path) or path in self._found or depth > DEEPEST:
            return
        self._found[path] = found
        module = found.is_module
        offered = {str(one) for one in found.exports or ()} if module and found.exports is not None else None
        package = module and Path(str(found.filepath)).stem == "__init__" if module and found.filepath else False
        for name, member in list(found.members.items()):
            if member.is_alias:
                self._targets[f"{path}.{name}"] = str(member.target_path)
                if module and (name in offered if offered is not None else package):
                    self._offered.add(f"{path}.{name}")
                continue
            if member.is_module or member.is_class or member.is_function or member.is_attribute:
                self._walk(member, depth + 1)

    def _end(self, target: str) -> str:
        for _ in range(10):
            if target in self._found:
                return target
            following = self._targets.get(target)
            if following is None:
                # An alias of a class also leads to what is in it.
                head, _, last = target.rpartition(".")
                if head in self._targets:
                    target = f"{self._targets[head]}.{last}"
                    continue
                return ""
            target = following
        return ""

    def _names(self, path: str, found: Any) -> list[str]:
        """The public names of an object, the best first."""
        names = list(self._exported.get(path, ()))
        parent = path.rpartition(".")[0]
        if found.is_module:
            names += [path] if _is_public(path) else []
        elif parent in self._found:
            above = self._found[parent]
            last = path.rpartition(".")[2]
            if above.is_class:
                if _is_public(last) or last in ("__init__", "__call__", "__getitem__", "__enter__"):
                    names += [f"{one}.{last}" for one in self._names(parent, above)]
            elif _is_public(path):
                names.append(path)
        return sorted(dict.fromkeys(names), key=lambda name: (name.count("."), len(name)))

    def _inherited(self) -> dict[str, list[str]]:
        """Names of members by the public classes that inherit them: `pandas.DataFrame.head` is NDFrame's."""
        names: dict[str, list[str]] = {}
        for path, found in list(self._found.items()):
            if not found.is_class or not found.bases:
                continue
            public = self._names(path, found)
            if not public or public[0].count(".") > 3:
                continue
            seen = set(found.members)
            for base in self._bases(found, 0):
                for last, member in base.members.items():
                    if last in seen or not _is_public(last) or member.is_alias:
                        continue
                    seen.add(last)
                    names.setdefault(str(member.path), []).append(f"{public[0]}.{last}")
        for found in names.values():
            found.sort(key=lambda name: (name.count("."), len(name)))
        return names

    def _bases(self, found: Any, depth: int) -> Iterator[Any]:
        if depth > 6:
            return
        for base in found.bases:
            try:
                target = str(base.canonical_path) if hasattr(base, "canonical_path") else str(base)
            except Exception:
                continue
            above = self._found.get(self._end(target))
            if above is not None and above.is_class and above is not found:
                yield above
                yield from self._bases(above, depth + 1)

    def _item(self, names: list[str], found: Any) -> Item | None:
        text = found.docstring.value[:LONGEST_TEXT] if found.docstring else ""
        kind = _kind(found)
        last = names[0].rpartition(".")[2]
        if not text and (kind in ("attribute", "module") or last.startswith("__")):
            return None
        signature = ""
        try:
            if found.is_function:
                signature = last + _signature(found, kind == "method")
            elif found.is_class:
                signature = f"class {last}{_signature(found, True)}"
            elif found.is_attribute:
                annotation = f": {found.annotation}" if found.annotation else ""
                value = f" = {found.value}" if found.value is not None and len(str(found.value)) < 80 else ""
                signature = f"{last}{annotation}{value}"
        except Exception:
            signature = last
        return Item(names[0], kind, signature[:LONGEST_SIGNATURE], text, self._source(found), "", names[1:8])

    def _source(self, found: Any) -> str:
        try:
            path = Path(str(found.filepath)).relative_to(self._package.path).as_posix()
        except ValueError:
            path = Path(str(found.filepath)).name
        return f"{path}:{found.lineno or 1}"


def _is_public(path: str) -> bool:
    return not any(part.startswith("_") for part in path.split("."))


def _kind(found: Any) -> str:
    if found.is_function:
        return "method" if found.parent is not None and found.parent.is_class else "function"
    if found.is_attribute:
        return "property" if "property" in found.labels else "attribute"
    return "class" if found.is_class else "module"


def _signature(found: Any, bound: bool) -> str:
    shown: list[str] = []
    star = False
    for number, one in enumerate(found.parameters):
        if bound and number == 0 and one.name in ("self", "cls", "mcs"):
            continue
        kind = str(one.kind.value)
        mark = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        if kind == "keyword-only" and not star:
            shown.append("*")
        star = star or kind in ("keyword-only", "variadic positional")
        annotation = f": {one.annotation}" if one.annotation is not None else ""
        equals = " = " if annotation else "="
        default = f"{equals}{one.default}" if one.default is not None and not mark else ""
        shown.append(f"{mark}{one.name}{annotation}{default}")
    returns = f" -> {found.returns}" if found.is_function and found.returns is not None else ""
    return f"({', '.join(shown)}){returns}"
