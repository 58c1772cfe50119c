"""The core types, with the ops that their operators need."""

from highlevel import ops as _ops  # noqa: F401 - fills the operators of symbolic tensors
from highlevel.naming import name_scope
from highlevel.state import StatelessScope
from highlevel.symbolic import SymbolicTensor
from highlevel.variable import Variable

KerasTensor = SymbolicTensor

__all__ = ["KerasTensor", "StatelessScope", "SymbolicTensor", "Variable", "name_scope"]
