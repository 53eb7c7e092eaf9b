"""Drawings of computation graphs: their layout, as SVG or as text."""
