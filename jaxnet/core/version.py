"""Version of jaxnet, recorded in files."""

VERSION = "0.1.0"
