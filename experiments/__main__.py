"""List the experiments with the questions that they answer."""

import ast
import sys
from pathlib import Path

from experiments import _terminal


def questions() -> dict[str, str]:
    """Return experiment name -> its question, the first line of its docstring."""
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    documents = {
        file.stem: ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) for file in files
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
    sys.exit(_terminal.finish(main))
