"""The version of jaxnet, for the files that it writes to name."""

VERSION = "0.1.0"
