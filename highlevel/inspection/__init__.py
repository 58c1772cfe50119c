"""Looking into models: tables, graphs, traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.inspection.array_pictures import plot_activations as plot_activations
    from highlevel.inspection.array_pictures import plot_weights as plot_weights
    from highlevel.inspection.compare import Comparison as Comparison
    from highlevel.inspection.compare import PrecisionReport as PrecisionReport
    from highlevel.inspection.compare import compare_backends as compare_backends
    from highlevel.inspection.compare import precision_report as precision_report
    from highlevel.inspection.compiled import CompiledProgram as CompiledProgram
    from highlevel.inspection.compiled import compiled_program as compiled_program
    from highlevel.inspection.curves import plot_history as plot_history
    from highlevel.inspection.debug import checked_kernels as checked_kernels
    from highlevel.inspection.debug import guard as guard
    from highlevel.inspection.debug import hooks as hooks
    from highlevel.inspection.memory import Holding as Holding
    from highlevel.inspection.memory import Memory as Memory
    from highlevel.inspection.model_graph import Box as Box
    from highlevel.inspection.model_graph import BoxGraph as BoxGraph
    from highlevel.inspection.picture import Picture as Picture
    from highlevel.inspection.plan import LayerMemory as LayerMemory
    from highlevel.inspection.plan import LayerPlan as LayerPlan
    from highlevel.inspection.plan import Plan as Plan
    from highlevel.inspection.plan import flops_of_layer as flops_of_layer
    from highlevel.inspection.plan import memory_of_layer as memory_of_layer
    from highlevel.inspection.plan import plan_model as plan_model
    from highlevel.inspection.plot import Drawing as Drawing
    from highlevel.inspection.plot import draw_model as draw_model
    from highlevel.inspection.profile import LayerProfile as LayerProfile
    from highlevel.inspection.profile import Profile as Profile
    from highlevel.inspection.profile import profile_model as profile_model
    from highlevel.inspection.replay import NonFinite as NonFinite
    from highlevel.inspection.replay import Replay as Replay
    from highlevel.inspection.replay import replay_step as replay_step
    from highlevel.inspection.statistics import Statistics as Statistics
    from highlevel.inspection.summary import Summary as Summary
    from highlevel.inspection.tables import Mark as Mark
    from highlevel.inspection.tables import Shown as Shown
    from highlevel.inspection.tables import Table as Table
    from highlevel.inspection.trace import LayerCall as LayerCall
    from highlevel.inspection.trace import Trace as Trace
    from highlevel.inspection.trace import trace_model as trace_model
    from highlevel.inspection.watch import Watch as Watch
    from highlevel.inspection.watch import Watched as Watched

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.inspection.compare": (
            "Comparison PrecisionReport compare_backends precision_report"
        ),
        "highlevel.inspection.debug": "checked_kernels guard hooks",
        "highlevel.inspection.array_pictures": "plot_activations plot_weights",
        "highlevel.inspection.curves": "plot_history",
        "highlevel.inspection.memory": "Holding Memory",
        "highlevel.inspection.replay": "NonFinite Replay replay_step",
        "highlevel.inspection.model_graph": "Box BoxGraph",
        "highlevel.inspection.picture": "Picture",
        "highlevel.inspection.plot": "Drawing draw_model",
        "highlevel.inspection.compiled": "CompiledProgram compiled_program",
        "highlevel.inspection.plan":
            "LayerMemory LayerPlan Plan flops_of_layer memory_of_layer plan_model",
        "highlevel.inspection.profile": "LayerProfile Profile profile_model",
        "highlevel.inspection.statistics": "Statistics",
        "highlevel.inspection.summary": "Summary",
        "highlevel.inspection.tables": "Mark Shown Table",
        "highlevel.inspection.trace": "LayerCall Trace trace_model",
        "highlevel.inspection.watch": "Watch Watched",
    },
)
