"""List of the experiments and their questions."""

import ast
import sys
from pathlib import Path

from experiments.harness import terminal


def questions() -> dict[str, str]:
    """Return experiment name -> question, the first line of its docstring.

    An experiment is a file of this folder, or a folder with a ``__main__.py``.
    """
    here = Path(__file__).parent
    files = {file.stem: file for file in here.glob("[!_]*.py")}
    files |= {file.parent.name: file.parent / "__init__.py" for file in here.glob("*/__main__.py")}
    documents = {
        name: ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        for name, file in sorted(files.items())
    }
    return {name: (text or "").partition("\n")[0] for name, text in documents.items()}


def main() -> int:
    """Print the list and return the exit status."""
    print("Run one by: python -m experiments.NAME   (--help shows its options)\n")
    known = questions()
    width = max(map(len, known))
    for name, question in known.items():
        print(f"  {name:<{width}}  {question}")
    return 0


if __name__ == "__main__":
    sys.exit(terminal.finish(main))
