"""Devices, meshes and processes: where a run is computed."""
