"""Which files a function's code consists of: its module and what it imports from the same folder or package, by AST."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from fairtrial.errors import UserError, nearest
from fairtrial.model.identity import digest_bytes

_INSTALLED = {"site-packages", "dist-packages"}
_DYNAMIC = {"import_module", "__import__"}


def root(module: str, file: Path) -> Path:
    """Return the folder from which `module` was imported: the one that holds its top-level name."""
    depth = module.count(".") + (file.name == "__init__.py")
    return file.parents[depth]


def source_digests(module: str, file: Path) -> dict[str, str]:
    """Digest the module and, transitively, what it imports from under its root: relative file -> hexadecimal digest.

    For an installed module the same package counts only; otherwise whatever lies in the folder that the import starts
    from. Static: imports that are computed at run time are not seen (a literal `import_module("x")` is).
    """
    top = root(module, file)
    package = module.partition(".")[0] if _INSTALLED & set(top.parts) else ""
    found: set[Path] = set()
    waiting = [file, *_files(module, top)]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in _imports(path, top):
            if not package or name.partition(".")[0] == package:
                waiting.extend(_files(name, top))
    return file_digests(found, top)


def file_digests(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """Digest files: name relative to the folder (its last part where it lies elsewhere) -> hexadecimal digest."""
    return {_relative(path, folder): digest_bytes(path.read_bytes()).hex() for path in sorted(files)}


def listed_digests(names: Iterable[str], folder: Path) -> dict[str, str]:
    """Digest the files that a study lists. Raises UserError where one is missing."""
    paths = [folder / name for name in names]
    for name, path in zip(names, paths, strict=True):
        if not path.is_file():
            raise UserError(
                f"code: files: {name!r} is not a file", hint=nearest(name, (item.name for item in folder.iterdir()))
            )
    return file_digests(paths, folder)


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _imports(file: Path, top: Path) -> Iterator[str]:
    if file.suffix != ".py":
        return
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:
        return  # whoever imports it will say so; its bytes count all the same
    package = file.relative_to(top).parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(node, package)
        elif isinstance(node, ast.Call):
            yield from _dynamic(node)


def _from(node: ast.ImportFrom, package: tuple[str, ...]) -> Iterator[str]:
    start = package[: len(package) - node.level + 1] if node.level else ()
    source = ".".join((*start, *((node.module,) if node.module else ())))
    if source:
        yield source
    for alias in node.names:
        yield f"{source}.{alias.name}" if source else alias.name


def _dynamic(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    first = call.args[0] if call.args else None
    if name in _DYNAMIC and isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield first.value


def _files(dotted: str, top: Path) -> Iterator[Path]:
    """The files that importing a dotted name runs: `__init__` of every package on the way, then the module."""
    here = top
    for part in dotted.split("."):
        if (here / part).is_dir():
            here /= part
            if (here / "__init__.py").is_file():
                yield here / "__init__.py"
                continue
            if not here.with_suffix(".py").is_file():
                continue
            here = here.parent
        module = here / f"{part}.py"
        yield from [module] if module.is_file() else here.glob(f"{part}.*.so")
        return
