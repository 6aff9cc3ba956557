"""Answers as text: what stands in an answer's cell when it is right, and when it holds a known mistake."""

from __future__ import annotations

import ast
import inspect
import textwrap

from autograde import cells
from autograde.errors import CourseError
from course_utils.contract import Exercise, Mistake

# How a mistake follows the solution where the exercise has no protocol of its own (see Exercise.wrapping).
DIRECT = "right = {name}\n\n{mistake}\n"


def solved(source: str) -> str:
    """The model answer, as a student would have written it."""
    return cells.unmarked(source)


def mistaken(source: str, exercise: Exercise, mistake: Mistake) -> str:
    """The model answer followed by a variation of it that makes a known mistake.

    The names that this adds to the notebook carry the exercise's, so that a notebook can hold several mistakes.
    """
    if exercise.is_called_directly or exercise.wrapping:
        direct = not exercise.wrapping
        function = ast.unparse(_variation(mistake, exercise.name if direct else "mistaken"))
        wrapping = DIRECT.replace("{name}", exercise.name) if direct else exercise.wrapping
        added = ast.unparse(_renamed(ast.parse(wrapping.replace("{mistake}", function)), exercise.name))
        return "\n\n\n".join([solved(source).strip("\n"), added])
    raise CourseError(f"{exercise.name} is not called directly, and does not say how a mistake is written (wrapping).")


def _variation(mistake: Mistake, name: str) -> ast.FunctionDef:
    """A mistake's function under another name, without its decorator and its first parameter (``right`` stays free)."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(mistake.function)))
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef) or not function.args.args or function.args.args[0].arg != "right":
        raise CourseError(f"The mistake {mistake.name!r} is not a function whose first parameter is called right.")
    function.name, function.decorator_list = name, []
    del function.args.args[0]
    return function


def _renamed(tree: ast.Module, exercise: str) -> ast.Module:
    """Every name that the code defines at its top, but for the exercise's, ends in the exercise's name."""
    own = {node.id for s in tree.body if isinstance(s, ast.Assign) for t in s.targets for node in _names(t)}
    own |= {s.name for s in tree.body if isinstance(s, ast.FunctionDef | ast.ClassDef)}
    own.discard(exercise)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in own:
            node.id = f"{node.id}_{exercise}"
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node in tree.body and node.name in own:
            node.name = f"{node.name}_{exercise}"
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    modules = {"math": ast.alias("math"), "np": ast.alias("numpy", "np")}  # what a mistake's function may use
    imports = [ast.Import([alias]) for name, alias in modules.items() if name in used]
    return ast.Module([*imports, *tree.body], [])


def _names(target: ast.expr) -> list[ast.Name]:
    return [node for node in ast.walk(target) if isinstance(node, ast.Name)]
