"""Lazy imports of optional packages."""

import importlib
from typing import Any

from jaxnet.core.errors import missing_package


def import_package(name: str, *, remedy: str = "") -> Any:
    """Import an optional module.

    Args:
        name: of the module, such as ``"flax.linen"``.
        remedy: advice if the import fails.

    Raises:
        ImportError: if it, or something that it needs, is not installed.
    """
    package = name.partition(".")[0]
    try:
        return importlib.import_module(name)
    except ImportError as error:
        project = {"sklearn": "scikit-learn"}.get(package, package)
        advice = f"Install it by: pip install {project}. {remedy}".rstrip()
        raise missing_package(package, str(error), advice) from error
