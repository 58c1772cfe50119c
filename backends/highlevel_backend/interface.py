"""The abstract base class of a backend: all that `highlevel` asks of an array library.

Conventions used throughout:

- *array*: an instance of the backend's own array type, traced or not.
- *tree*: any nesting of dicts, lists, tuples and None around arrays
  (`highlevel_backend.tree`).
- *dtype*: always the name (`"float32"`), never a library's object.
- Images and sequences are channels-last: `(batch, *spatial, channels)`; convolution
  kernels are `(*window, in_channels // groups, out_channels)`.
- Nothing changes an array in place.

A method that raises `NotImplementedError` here must be given; the others have a
definition over `xp` that a backend replaces where it has something better.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from highlevel_backend.compilation import Compilation
    from highlevel_backend.operations import Compiled, Operations

__all__ = ["ArraySpec", "Backend", "Origin"]

Array = Any
Tree = Any
Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """Shape and dtype of an array that need not exist.

    Attributes:
        shape: one entry per axis, `None` where the length is unknown.
        dtype: dtype name.
    """

    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The function that first made a number that is not finite out of finite ones.

    Attributes:
        function: name of the array library's function, `""` where it has none.
        phase: `"forward"`, or `"backward"` for its gradient.
        note: what `Backend.origins` was told when the function was called.
        frames: `(code object, line)` of the calls around, the innermost first.
        arguments: the arrays that the function was called with.
        values: the arrays that it returned.
    """

    function: str
    phase: str
    note: Any
    frames: tuple
    arguments: list[Any]
    values: list[Any]


class Backend(abc.ABC):
    """One array library, offered to `highlevel`.

    Attributes:
        name: what `use_backend` takes.
        xp: array namespace with NumPy's names (`numpy` itself, `jax.numpy` itself).
        compiles: whether `compile` makes a program out of a function. Where it is False
            `compile` returns the function and every value can be read at any time.
        programs_take_numpy: whether compiled programs take NumPy arrays of the dtypes that the
            backend has, as they are. The memory may be read until the program has run.
        kernels: operation name → faster implementation with the signature of the
            reference definition in `highlevel.ops`. Optional; held against the reference
            by the conformance kit. One is no operation's: `flash_attention(query, key,
            value, bias, mask, scale, is_causal)`, which `ops.dot_product_attention` asks
            with arrays of one dtype and which may answer NotImplemented.
        slow_in_loops: names of the primitives (`"conv"`) that take longer in the body of
            `while_loop` or `scan` than a dispatch of their own costs. Steps of training
            that hold one are dispatched one by one.
        sequence_bytes: bytes of a sequence's product with a recurrent layer's kernel up to which
            it is computed at once; a longer one piece by piece. None for any number.
    """

    name: str
    xp: Any
    compiles: bool = False
    programs_take_numpy: bool = False
    kernels: Mapping[str, Callable] = {}
    slow_in_loops: Collection[str] = ()
    sequence_bytes: int | None = None
    #: Takes apart any structure that the library knows, those of its users too (the state of
    #: an optax transformation): `value -> (leaves, rebuild)`. None where there are none.
    flatten_registered: Callable[[Any], tuple[list, Callable]] | None = None

    # ---------------------------------------------------------------- arrays

    @abc.abstractmethod
    def is_array(self, x: Any) -> bool:
        """Whether `x` is this backend's array, traced or recorded ones included."""

    @abc.abstractmethod
    def is_abstract(self, x: Any) -> bool:
        """Whether `x` is an array whose value is not known (a tracer)."""

    @abc.abstractmethod
    def asarray(self, x: Any, dtype: str | None = None) -> Array:
        """`x` as this backend's array.

        Args:
            x: number, nested list, NumPy array, another backend's array, or an array of
                this backend (returned as it is where the dtype agrees). The memory of a
                NumPy array is not shared, unless it is this backend's array.
            dtype: dtype name; without it Python floats become float32, Python integers
                int32, and arrays keep theirs where the backend has it.

        Raises:
            TypeError, ValueError: `x` cannot be an array (ragged, or of objects).
        """

    def adopt(self, x: Any) -> Array:
        """`x` as this backend's array, its memory included: the caller has given it up.

        Args:
            x: a NumPy array that nobody else holds. Memory at a multiple of 64 bytes can be
                used as it is by most libraries; other memory may be copied.
        """
        return self.asarray(x)

    @abc.abstractmethod
    def to_numpy(self, x: Array) -> Any:
        """The values of `x` as `numpy.ndarray`, waiting for them if need be.

        Raises:
            TypeError: `x` is traced and has no value.
        """

    @abc.abstractmethod
    def cast(self, x: Array, dtype: str) -> Array:
        """`x` with another dtype; `x` itself where it has that dtype. Differentiable."""

    # ------------------------------------------------------------ transforms

    @abc.abstractmethod
    def value_and_grad(self, function: Callable, has_aux: bool = False) -> Callable:
        """A function that gives the value and the gradient by the first argument.

        Args:
            function: `(tree, *rest) -> scalar`, or `-> (scalar, aux)` with `has_aux`.
            has_aux: the function returns a second value that is passed through.

        Returns:
            `(tree, *rest) -> (value, gradient)` with the gradient in the structure,
            shapes and dtypes of the first argument; `((value, aux), gradient)` with
            `has_aux`. May be nested, for derivatives of derivatives.

        Raises:
            TypeError: the value is not a scalar array of floating dtype.
        """

    @abc.abstractmethod
    def vjp(self, function: Callable, *primals: Tree, has_aux: bool = False) -> tuple:
        """`(function(*primals), pullback)`; `pullback(cotangent)` is a tuple, one per primal.

        With `has_aux` the function returns `(value, aux)`, and the result is
        `(value, pullback, aux)`.
        """

    @abc.abstractmethod
    def jvp(
        self, function: Callable, primals: tuple, tangents: tuple, has_aux: bool = False
    ) -> tuple:
        """`(function(*primals), directional derivative along tangents)`.

        With `has_aux` the function returns `(value, aux)`, and the result is
        `(value, derivative, aux)`.
        """

    @abc.abstractmethod
    def vmap(self, function: Callable, in_axes: Any = 0, out_axes: Any = 0) -> Callable:
        """`function` mapped over an axis of its arguments.

        Args:
            in_axes: an integer or None (not mapped) for all arguments, or a tuple with
                one entry per argument.
            out_axes: axis of the results that holds the mapped entries.
        """

    @abc.abstractmethod
    def stop_gradient(self, x: Array) -> Array:
        """`x`, taken as a constant by gradients."""

    def gradient_rows(self, x: Array) -> tuple[Array, Array] | None:
        """The rows of a gradient that are not 0, where it is known to have few of them.

        Args:
            x: a gradient, as `value_and_grad` gave it.

        Returns:
            `(places, values)`: numbers of rows, of which one may come several times (its row is
            the sum), and the rows. None where nothing is known, or nothing is won by it.
        """
        return None

    @abc.abstractmethod
    def custom_gradient(self, function: Callable) -> Callable:
        """A function whose gradient is given with it.

        Args:
            function: `(*arrays) -> (out, pullback)` where `pullback(cotangent)` gives one
                gradient per array (a tuple; a bare array for a single one).

        Returns:
            `(*arrays) -> out`, differentiated with `pullback`.
        """

    def remat(self, function: Callable) -> Callable:
        """`function`, its intermediate values computed again during the gradient."""
        return function

    def gathering_anew(self, function: Callable) -> Callable:
        """`function`, whose gradient gathers weights again instead of keeping them.

        Of all that `function` computes, only what `shard` made of its arguments is not kept, where
        the layout leaves no axis to the compiler. For the body of a loop over weights that are
        divided: else each pass would keep its weights whole.
        """
        return function

    def compile(
        self,
        function: Callable,
        donate: Sequence[int] = (),
        note: Callable[[Compilation], None] | None = None,
    ) -> Callable:
        """`function` as a compiled program.

        Args:
            function: pure function of trees of arrays.
            donate: positions of arguments whose memory the program may reuse; the caller
                must not touch them afterwards.
            note: called with a `Compilation` each time a program is compiled, when it has
                been traced; what comes later (the seconds) is filled in.

        Returns:
            A callable of the same signature. It compiles again only when the structure,
            a shape or a dtype of its arguments changes, and adds 1 to
            `compile_count` each time it does.
        """
        return function

    def plan_steps(self, step: Callable) -> Callable:
        """A step that will be run many times, where `compiles` is False.

        A backend that runs Python as it is written may find a shorter way to the same
        results, bit for bit, once it has seen a few runs.

        Args:
            step: pure function `(fixed, carried, data) -> (result, carried)`. `fixed` and
                `carried` are tuples of lists of arrays that keep their number, shapes and dtypes
                from run to run.

        Returns:
            A callable of the same signature.
        """
        return step

    #: Number of programs compiled in this process; see `compile`.
    compile_count: int = 0

    def cache_programs(self, directory: str | None) -> None:  # noqa: B027 - nothing to do is fine
        """Keep compiled programs in a directory, for other processes; None: no more.

        Nothing happens where the backend does not compile.
        """

    @abc.abstractmethod
    def eval_shape(self, function: Callable, *specs: Tree) -> Tree:
        """What `function` would return, without computing it.

        Args:
            function: function of trees of arrays.
            specs: trees of `ArraySpec`, dimensions may be unknown (None).

        Returns:
            The result's tree with an `ArraySpec` per array; a dimension is None where it
            depends on an unknown one.
        """

    def operations(self, function: Callable, *specs: Tree) -> Operations:
        """What `function` computes, operation by operation, without computing it.

        Args:
            function: function of trees of arrays; it asks for `current_backend()`, which may be
                another object than this one meanwhile.
            specs: trees of `ArraySpec`, all dimensions known.

        Raises:
            NotImplementedError: the backend cannot tell.
        """
        raise NotImplementedError(
            f"The backend {self.name!r} does not tell the operations of a function; the "
            "backends 'numpy' and 'jax' do."
        )

    def compiled(
        self, function: Callable, specs: Sequence[Tree], donate: Sequence[int] = ()
    ) -> Compiled:
        """`function` compiled without being run: its texts, costs and memory.

        Args:
            function, donate: as in `compile`.
            specs: trees of `ArraySpec`, one per argument, all dimensions known.

        Raises:
            NotImplementedError: the backend does not compile.
        """
        raise NotImplementedError(f"The backend {self.name!r} does not compile programs.")

    def nesting(self) -> Any:
        """Where the code runs, among loops and transforms: an object to compare with `==`.

        Arrays made in two places may be used together where the two are equal. Inside of
        `scan`, `while_loop` or `vmap` it is another than outside. None where it is not known.
        """
        return None

    # ---------------------------------------------------------- control flow

    @abc.abstractmethod
    def scan(
        self,
        function: Callable,
        init: Tree,
        xs: Tree,
        length: int | None = None,
        reverse: bool = False,
    ) -> tuple[Tree, Tree]:
        """Carry a state along the first axis of `xs`.

        Args:
            function: `(carry, x) -> (carry, y)`; the carry keeps structure, shapes, dtypes.
            init: the first carry.
            xs: tree of arrays of shape `(length, ...)`, or None with `length`.
            reverse: go from the last entry to the first; `ys` keep the order of `xs`.

        Returns:
            `(last carry, ys stacked along a new first axis)`. Differentiable.
        """

    @abc.abstractmethod
    def while_loop(self, condition: Callable, body: Callable, init: Tree) -> Tree:
        """`while condition(state): state = body(state)`; not differentiated backwards."""

    @abc.abstractmethod
    def cond(self, predicate: Any, true_function: Callable, false_function: Callable,
             *operands: Tree) -> Tree:
        """`true_function(*operands)` where the scalar `predicate` holds, else the other."""

    # ------------------------------------------------- primitives xp has not

    @abc.abstractmethod
    def index_update(self, x: Array, index: Any, values: Array, mode: str = "set") -> Array:
        """A copy of `x` with `x[index]` changed.

        Args:
            x: array.
            index: anything that NumPy takes between brackets.
            values: broadcast against `x[index]`.
            mode: `"set"`, `"add"`, `"multiply"`, `"max"` or `"min"`. Where an entry is
                named more than once, `"set"` leaves one of the values, the others
                combine all of them. Differentiable for "set" and "add".
        """

    @abc.abstractmethod
    def conv(
        self,
        x: Array,
        kernel: Array,
        strides: Sequence[int],
        padding: Pairs,
        input_dilation: Sequence[int],
        kernel_dilation: Sequence[int],
        groups: int,
    ) -> Array:
        """Cross-correlation over 1 to 3 spatial axes. Differentiable.

        Args:
            x: `(batch, *spatial, channels)`.
            kernel: `(*window, channels // groups, out_channels)`.
            strides: step of the window per spatial axis.
            padding: zeros `(before, after)` per spatial axis, after input dilation;
                negative numbers cut.
            input_dilation: spacing of the input's entries (zeros between), 1 for none;
                transposed convolutions are made of it.
            kernel_dilation: spacing of the kernel's entries.
            groups: number of groups the channels are split in.

        Returns:
            `(batch, *out_spatial, out_channels)` in the dtype of `x`.
        """

    @abc.abstractmethod
    def reduce_window(
        self, x: Array, mode: str, window: Sequence[int], strides: Sequence[int], padding: Pairs
    ) -> Array:
        """Maximum or sum over windows. Differentiable.

        Args:
            x: `(batch, *spatial, channels)`, floating or integer.
            mode: `"max"` (padding counts as minus infinity, or the least integer) or
                `"sum"` (padding counts as 0).
            window, strides: per spatial axis.
            padding: `(before, after)` per spatial axis.

        Returns:
            `(batch, *out_spatial, channels)` in the dtype of `x`.
        """

    def top_k(self, x: Array, k: int) -> tuple[Array, Array]:
        """The `k` largest entries of the last axis, descending, and their int32 indices.

        Equal entries come in the order of their indices.
        """
        xp = self.xp
        # Ascending from the end, and back: `-x` would turn unsigned integers around.
        order = xp.argsort(xp.flip(x, -1), axis=-1, stable=True)
        order = x.shape[-1] - 1 - xp.flip(order, -1)[..., :k]
        return xp.take_along_axis(x, order, axis=-1), self.cast(order, "int32")

    def random_bits(self, key: Array, shape: Sequence[int]) -> Array:
        """Uniform random bits, the same on every backend.

        Threefry-2×32 (Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3")
        of the counters 0, 1, 2, ... under `key`; both output words are joined by xor.

        Args:
            key: `(2,)` uint32.
            shape: of the result.

        Returns:
            uint32 array of `shape`.
        """
        from highlevel_backend.threefry import random_bits

        return random_bits(self, key, tuple(shape))

    # --------------------------------------------------------------- devices

    def devices(self) -> list[str]:
        """Names of the devices, e.g. `["cpu:0"]`; the first is the default one."""
        return ["cpu:0"]

    def all_devices(self) -> list[str]:
        """Names of the devices of all processes, numbered through."""
        return self.devices()

    def put(self, x: Any, device: str | None = None) -> Array:
        """`x` on a device, without waiting for the transfer.

        Raises:
            ValueError: there is no such device; the message lists those there are.
        """
        if device is not None and device not in self.devices():
            raise ValueError(
                f"The backend {self.name!r} has no device {device!r}. "
                f"It has: {', '.join(self.devices())}."
            )
        return self.asarray(x)

    def device(self, name: str) -> AbstractContextManager:
        """A context manager within which new arrays are put on a device.

        Raises:
            ValueError: there is no such device; the message lists those there are.
        """
        if name not in self.devices() and f"{name}:0" not in self.devices():
            raise ValueError(
                f"The backend {self.name!r} has no device {name!r}. "
                f"It has: {', '.join(self.devices())}."
            )
        return nullcontext()

    def ready(self, tree: Tree) -> Tree:
        """`tree`, once all its arrays have been computed."""
        return tree

    def live_arrays(self) -> list[Array]:
        """All arrays on devices that anything in this process still holds.

        Empty where the backend does not keep count.
        """
        return []

    # ---------------------------------------------------- many devices, processes

    def connect(
        self, coordinator: str | None, processes: int | None, process: int | None,
        heartbeat_timeout: int, shutdown_timeout: int,
    ) -> None:
        """Join other processes, so that all their devices can hold parts of one array.

        Where `coordinator`, `processes` and `process` are None, the backend asks the launcher that
        it runs under.

        Args:
            coordinator: `"host:port"` of the process with number 0.
            processes: how many there are.
            process: the number of this one.
            heartbeat_timeout: seconds without a sign of life after which a process counts as
                dead, and the others are ended.
            shutdown_timeout: seconds that a process which ends waits for the others to end.

        Raises:
            ValueError: there is no launcher that it knows.
            NotImplementedError: the backend runs in one process alone.
        """
        raise NotImplementedError(self._one_device("joining other processes"))

    def processes(self) -> tuple[int, int]:
        """The number of this process, from 0, and how many there are."""
        return 0, 1

    def agree(
        self, text: str, channel: str = "", while_waiting: Callable[[], None] | None = None
    ) -> list[str]:
        """What each process says here, known to all of them.

        All must come to it, on each channel in the same order; devices have no part in it.

        Args:
            text: what this process says.
            channel: tells apart what threads agree upon at a time.
            while_waiting: called now and then while another process is waited for; may raise.

        Returns:
            What all say, in the order of processes.
        """
        return [text]

    def lost_process(self, error: BaseException) -> bool:
        """Whether an error says that the connection to another process is gone."""
        return False

    def mesh(self, devices: Any, axis_names: Sequence[str]) -> Any:
        """Devices of all processes as a grid whose axes have names.

        Args:
            devices: nested lists of device names, of the grid's shape.
            axis_names: one per axis.

        Returns:
            What `sharding` takes.

        Raises:
            NotImplementedError: the backend has one device alone.
        """
        raise NotImplementedError(self._one_device("a mesh of devices"))

    def planned_mesh(self, shape: Sequence[int], axis_names: Sequence[str]) -> Any:
        """A mesh of devices that need not exist, for `partitioned`; arrays cannot be put on it.

        Args:
            shape: lengths of the axes.
            axis_names: one per axis.
        """
        raise NotImplementedError(self._one_device("a mesh of devices"))

    def sharding(self, mesh: Any, axes: Sequence[Any]) -> Any:
        """How an array lies on a mesh.

        Args:
            mesh: what `mesh` or `planned_mesh` returned.
            axes: per axis of the array the name of the mesh's axis it is divided over, a
                tuple of names, None where it is not divided, or `...` where that is left to
                the compiler.
        """
        raise NotImplementedError(self._one_device("dividing an array"))

    def shard(self, x: Any, sharding: Any, parts: bool = False) -> Array:
        """`x` divided over devices; inside a compiled function, a demand on the compiler.

        Args:
            x: array.
            sharding: what `sharding` returned.
            parts: whether each process gives a part of its own, in the order of processes,
                of the first axis; else all give the whole of the same array.
        """
        raise NotImplementedError(self._one_device("dividing an array"))

    def compile_sharded(self, function: Callable, shardings: Tree) -> Callable:
        """`function` without arguments as a program whose results are made divided."""
        raise NotImplementedError(self._one_device("dividing an array"))

    def partitioned(
        self, function: Callable, specs: Sequence[Tree], shardings: Sequence[Tree],
        donate: Sequence[int] = (),
    ) -> Compiled:
        """`function` compiled for a mesh without being run; nothing is allocated.

        Args:
            function, donate: as in `compile`.
            specs: trees of `ArraySpec`, one per argument, all dimensions known.
            shardings: trees of what `sharding` returned, like `specs`, all on one mesh.

        Returns:
            The text, the memory per device, and `collectives`.
        """
        raise NotImplementedError(self._one_device("compiling for a mesh"))

    def _one_device(self, what: str) -> str:
        return (
            f"The backend {self.name!r} has one device and cannot do {what}. Choose a backend "
            "with several (`hl.set_backend('jax')`), or leave the distribution out."
        )

    # --------------------------------------------------------------- looking in

    def tell(self, function: Callable, *arrays: Array) -> None:
        """Call `function` with the arrays' values, as NumPy arrays, when they are known.

        Within a compiled program that is each time it runs, as often as the place is passed;
        what the function returns is dropped. `ready` does not wait for it, `told` does.
        """
        function(*[self.to_numpy(array) for array in arrays])

    def told(self) -> None:
        """Wait until all that `tell` was asked for has been told."""
        self.ready(())

    def origins(self, note: Callable[[], Any]) -> AbstractContextManager | None:
        """While it lasts, remember where the numbers of derivatives come from.

        Args:
            note: called with each function that is recorded; its result is kept with it.

        Returns:
            A context manager that gives an object with two methods, `first()` and
            `of(array)`: the `Origin` of the first number that is not finite in a value that
            was differentiated or else in its gradients, and in an array that is being
            recorded; None where there is none. Its list `flagged` has the places, without
            arrays, where the processor told of a division by zero, an overflow or an
            undefined result, recorded or not. None on a backend that cannot tell.
        """
        return None

    # ---------------------------------------------------------------- errors

    def profile(self, directory: str) -> AbstractContextManager | None:
        """While it lasts, record what the device does, for TensorBoard's profile page.

        Args:
            directory: where the files go.

        Returns:
            A context manager; None where the backend has no profiler.
        """
        return None

    def explain(self, error: BaseException) -> str | None:
        """What to do about an error of the array library's own, or None.

        For errors whose text does not help somebody who never saw the library, such as
        a Python `if` on a traced value. Becomes a note on the exception.
        """
        return None
