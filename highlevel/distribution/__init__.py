"""Arrays and training over many devices and processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.distribution.layouts import LayoutMap as LayoutMap
    from highlevel.distribution.layouts import TensorLayout as TensorLayout
    from highlevel.distribution.mesh import DeviceMesh as DeviceMesh
    from highlevel.distribution.mesh import get_device_count as get_device_count
    from highlevel.distribution.mesh import list_devices as list_devices
    from highlevel.distribution.pairs import tensor_parallel as tensor_parallel
    from highlevel.distribution.placing import distribute_tensor as distribute_tensor
    from highlevel.distribution.placing import distribution as distribution
    from highlevel.distribution.placing import set_distribution as set_distribution
    from highlevel.distribution.presets import fully_sharded as fully_sharded
    from highlevel.distribution.processes import ProcessLost as ProcessLost
    from highlevel.distribution.processes import initialize as initialize
    from highlevel.distribution.strategies import DataParallel as DataParallel
    from highlevel.distribution.strategies import Distribution as Distribution
    from highlevel.distribution.strategies import ModelParallel as ModelParallel
    from highlevel.inspection.distribution_plan import DistributionPlan as DistributionPlan
    from highlevel.inspection.distribution_plan import plan as plan

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.distribution.layouts": "LayoutMap TensorLayout",
        "highlevel.distribution.mesh": "DeviceMesh get_device_count list_devices",
        "highlevel.distribution.pairs": "tensor_parallel",
        "highlevel.distribution.placing": "distribute_tensor distribution set_distribution",
        "highlevel.distribution.presets": "fully_sharded",
        "highlevel.distribution.processes": "ProcessLost initialize",
        "highlevel.distribution.strategies": "DataParallel Distribution ModelParallel",
        "highlevel.inspection.distribution_plan": "DistributionPlan plan",
    },
)
