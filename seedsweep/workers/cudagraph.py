"""A training step captured as a CUDA graph: its hundreds of kernels are launched by one call.

A small model's kernels are over sooner than Python launches the next one, so that the device would wait most of
the time. A graph is captured once for every shape of the rows and changes no number: it launches the same kernels
on the same memory. That memory is the graph's own as long as the graph lives; evaluations between the steps use
other.

After `torch.cuda.graphs` and the notes on whole-network capture in PyTorch's manual.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch

from seedsweep.workers.update import Inputs

Operations = Callable[[], None]
Take = Callable[[Inputs], None]

WARM_UP = 3
"""Steps that are taken one operation at a time before a shape is captured, as PyTorch's manual says. In them
kernels are compiled and chosen, and tables that live on are made; nothing of that may happen while a graph is
captured."""


class Graphs(Protocol):
    """What captures operations; `CUDAGraphs`, or in the tests one for a CPU."""

    def warm_up(self, operations: Operations) -> None:
        """Do them once, as well as they can be done before they are captured."""

    def capture(self, operations: Operations) -> Operations:
        """What does them again on the same tensors; this does them not. RuntimeError if it is impossible."""


class CUDAGraphs:
    """Captures what is launched on the current device.

    All on one stream, and no other object's: what cuBLAS works with belongs to a stream, so that warming up
    leaves it there for the graph, and torch takes it from all graphs of a stream when one of them ends
    (pytorch#193402).
    """

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()

    def warm_up(self, operations: Operations) -> None:
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            operations()
        current.wait_stream(self._stream)

    def capture(self, operations: Operations) -> Operations:
        graph = torch.cuda.CUDAGraph()
        # The outer context is for failures: torch's own then leaves its stream the current one.
        with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph, stream=self._stream):
            operations()
        return graph.replay


class _Captured(NamedTuple):
    """A step of one shape."""

    buffers: Inputs
    """The tensors that it reads."""
    replay: Operations


class GraphedStep:
    """A step that is captured for every shape of its rows, and replayed from then on.

    A step that cannot be captured, such as one whose losses a task of the user's computes with values on the host,
    is taken one operation at a time, and a warning says so.
    """

    def __init__(self, take: Take, graphs: Graphs) -> None:
        self._take = take
        self._graphs = graphs
        self._warmed_up: Counter[torch.Size] = Counter()
        self._captured: dict[torch.Size, _Captured] = {}
        self.refused: str | None = None
        """Why steps are not captured, if they cannot be."""

    def __call__(self, inputs: Inputs) -> None:
        """Take the step."""
        shape = inputs.tokens_SBT.shape
        if self.refused is None and shape not in self._captured and self._warmed_up[shape] == WARM_UP:
            self._capture(shape, inputs)
        if self.refused is not None:
            self._take(inputs)
        elif shape in self._captured:
            buffers, replay = self._captured[shape]
            for buffer, part in zip(buffers, inputs, strict=True):
                buffer.copy_(part)
            replay()
        else:
            self._warmed_up[shape] += 1
            self._graphs.warm_up(lambda: self._take(inputs))

    def _capture(self, shape: torch.Size, inputs: Inputs) -> None:
        buffers = Inputs(*(part.clone() for part in inputs))
        try:
            replay = self._graphs.capture(lambda: self._take(buffers))
        except torch.OutOfMemoryError:
            raise  # a smaller pack may fit
        except RuntimeError as error:
            self.refused = str(error).partition("\n")[0]
            warnings.warn(f"no CUDA graph, steps are slower: {self.refused}", stacklevel=4)
        else:
            self._captured[shape] = _Captured(buffers, replay)


def graphed(take: Take, device: torch.device) -> Take | GraphedStep:
    """The step as it is best taken on the device."""
    return GraphedStep(take, CUDAGraphs()) if device.type == "cuda" else take
