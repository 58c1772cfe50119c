"""Arrays as such: conversion, control flow, writing by index."""

from highlevel.ops.core.control import *  # noqa: F403
from highlevel.ops.core.conversion import *  # noqa: F403
from highlevel.ops.core.printing import *  # noqa: F403
from highlevel.ops.core.writing import *  # noqa: F403
