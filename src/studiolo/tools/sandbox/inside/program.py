"""Runs a program as a cell of a notebook is run, and says in short where it failed."""

from __future__ import annotations

import ast
import linecache
import sys
import threading
import types
from importlib import abc, machinery
from typing import Any

from .showing import Showing

NAME = "program.py"
BACKEND = "studiolo_figures"
LONGEST_ERROR = 4_000
MOST_FRAMES = 12


class Figures(abc.MetaPathFinder, abc.Loader):
    """A backend for matplotlib that draws to memory and whose `show` hands the figures over."""

    def __init__(self, showing: Showing) -> None:
        self._showing = showing

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> machinery.ModuleSpec | None:
        return machinery.ModuleSpec(fullname, self) if fullname == BACKEND else None

    def exec_module(self, module: types.ModuleType) -> None:
        agg: Any = __import__("matplotlib.backends.backend_agg", fromlist=["FigureCanvasAgg"])
        module.FigureCanvas = agg.FigureCanvasAgg  # type: ignore[attr-defined]
        module.FigureManager = agg.FigureManagerBase if hasattr(agg, "FigureManagerBase") else None  # type: ignore[attr-defined]
        module.show = lambda *_, **__: self._showing.show_figures()  # type: ignore[attr-defined]


def run(code: str, showing: Showing) -> str:
    """Run the code, show its last value and the figures that it left; returns what went wrong, "" for nothing."""
    sys.meta_path.append(Figures(showing))
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=NAME, display=showing.show)
    sys.modules["__main__"] = main
    linecache.cache[NAME] = (len(code), None, code.splitlines(keepends=True), NAME)
    try:
        tree = ast.parse(code, NAME)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, NAME, "exec"), main.__dict__)  # noqa: S102 - what the sandbox is for
        if isinstance(last, ast.Expr):
            showing.show(eval(compile(ast.Expression(last.value), NAME, "eval"), main.__dict__))  # noqa: S307
        showing.show_figures()
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
    except SystemExit as left:
        return "" if left.code in (None, 0) else f"SystemExit: {left.code}"[:LONGEST_ERROR]
    except BaseException as error:
        return explained(error)
    return ""


def explained(error: BaseException) -> str:
    """The lines of the program that led to the error, and what it says."""
    if isinstance(error, SyntaxError) and error.filename == NAME:
        line = (error.text or "").rstrip("\n")
        mark = " " * max(0, (error.offset or 1) - 1) + "^"
        return f"Line {error.lineno}: {line}\n{mark}\n{type(error).__name__}: {error.msg}"[:LONGEST_ERROR]
    lines: list[str] = []
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == NAME:
            text = linecache.getline(NAME, step.tb_lineno).strip()
            where = step.tb_frame.f_code.co_name
            lines.append(f"Line {step.tb_lineno}{'' if where == '<module>' else f', in {where}'}: {text[:200]}")
        step = step.tb_next
    if len(lines) > MOST_FRAMES:
        half = MOST_FRAMES // 2
        lines = [*lines[:half], f"… {len(lines) - 2 * half} more …", *lines[-half:]]
    try:
        said = str(error)
    except Exception:
        said = "(its message cannot be shown)"
    name = type(error).__name__
    lines.append(f"{name}: {said}" if said else name)
    text = "\n".join(lines)
    return text if len(text) <= LONGEST_ERROR else text[: LONGEST_ERROR // 2] + "\n…\n" + text[-LONGEST_ERROR // 2 :]
