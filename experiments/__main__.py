"""List the experiments with the questions that they answer."""

import ast
import sys
from pathlib import Path


def questions() -> dict[str, str]:
    """Return experiment name -> its question, the first line of its docstring."""
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    documents = {file.stem: ast.get_docstring(ast.parse(file.read_text())) for file in files}
    return {name: (text or "").partition("\n")[0] for name, text in documents.items()}


def main() -> None:
    """Print the list."""
    print("Run one by: python -m experiments.NAME   (--help shows its options)\n")
    known = questions()
    width = max(map(len, known))
    for name, question in known.items():
        print(f"  {name:<{width}}  {question}")


if __name__ == "__main__":
    sys.exit(main())
