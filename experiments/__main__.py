"""List of the experiments and their questions; `all` runs them and writes a page."""

import difflib
import sys

from experiments.course.contents import questions
from experiments.harness import terminal


def main() -> int:
    """Print the list, or run all, and return the exit status."""
    known, arguments = questions(), sys.argv[1:]
    if arguments[:1] == ["all"]:
        from experiments.course.command import run_course

        return run_course(known, arguments[1:])
    if arguments and arguments[0] not in ("-h", "--help"):
        close = difflib.get_close_matches(arguments[0], [*known, "all"], 1)
        meant = f" Did you mean '{close[0]}'?" if close else ""
        expected = "all, or nothing, for the list; an experiment runs by python -m experiments.NAME"
        terminal.complain(f"error: expected {expected}, got '{arguments[0]}'.{meant}")
        return terminal.USER_ERROR
    print("Run one by: python -m experiments.NAME   (--help shows its options)")
    print("Run all, and write a page of what they find: python -m experiments all --out DIR\n")
    width = max(map(len, known))
    for name, question in known.items():
        print(f"  {name:<{width}}  {question}")
    return 0


if __name__ == "__main__":
    sys.exit(terminal.finish(main))
