"""Reads YAML files so that every value knows where it was written, and nothing is guessed silently."""

from probes.yamlfile.node import Key, Node, Place, Problem, Scalar, YamlInvalid, plain
from probes.yamlfile.reader import MOST_BYTES, MOST_DEPTH, MOST_VALUES, Document, load, read
from probes.yamlfile.scalar import Scalars

__all__ = [
    "MOST_BYTES",
    "MOST_DEPTH",
    "MOST_VALUES",
    "Document",
    "Key",
    "Node",
    "Place",
    "Problem",
    "Scalar",
    "Scalars",
    "YamlInvalid",
    "load",
    "plain",
    "read",
]
