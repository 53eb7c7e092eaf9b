"""Compiled programs kept on disk, so that the next process loads what this one has compiled."""

import os
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

from jaxnet.core.checks import require
from jaxnet.core.errors import invalid_value
from jaxnet.core.files import check_path, user_cache


def use_compilation_cache(folder: str | os.PathLike[str] | None = None) -> Path:
    """Keep compiled programs in a folder and load them from there, in place of compiling again.

    This is JAX's persistent cache, for programs of any size. It knows a program by its operations,
    shapes, options, device, and by the versions of JAX and XLA; what it loads computes the same
    bits. Nothing is ever removed: delete the folder to free its space, or if JAX warns of an entry
    that it cannot read, which a process left that was killed while it wrote.

    Args:
        folder: where to keep them; by default ``$JAX_COMPILATION_CACHE_DIR``, else ``compiled`` in
            the user's cache, ``~/.cache/jaxnet``.

    Returns:
        The folder.

    Raises:
        ValueError: if the folder cannot be created or written to.
    """
    present = jax.config.values["jax_compilation_cache_dir"]
    default = present or user_cache() / "compiled"
    given = check_path("folder", default if folder is None else folder)
    expected = "to be a folder that can be written to"
    try:
        given.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise invalid_value("folder", expected, f"'{given}': {error.strerror}") from error
    require(os.access(given, os.W_OK | os.X_OK), "folder", expected, f"'{given}'")
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if str(given) != present:
        compilation_cache.set_cache_dir(str(given))
        compilation_cache.reset_cache()  # it may be in use with another folder, or with none
    return given
