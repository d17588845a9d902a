"""Films of camcorders, whose frames hold two moments each: made into frames of one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame

ANY_TIME = Fraction(1, 25)  # for what is only looked at


def one_moment(frame: VideoFrame) -> VideoFrame:
    """The earlier one, where there is nothing but this frame to go by."""
    if not frame.interlaced_frame:
        return frame
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=ANY_TIME
    )
    half = graph.add("field", type="top")
    whole = graph.add("scale", f"{frame.width}:{frame.height}")
    graph.link_nodes(source, half, whole, graph.add("buffersink")).configure()
    graph.vpush(frame)
    return graph.vpull()


class Weaver:
    """For one film. Frames that hold one moment pass as they are, in their turn."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._graph: Graph | None = None
        self._form: tuple[object, ...] = ()

    def take(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """What can be shown now; `frame` is in the film's time base."""
        form = (frame.format.name, frame.width, frame.height)
        if self._graph is None or form != self._form:
            if self._graph is None and not frame.interlaced_frame:
                yield frame
                return
            yield from self.end()
            self._graph, self._form = self._make(frame), form
        self._graph.vpush(frame)
        yield from self._pull(self._graph)

    def end(self) -> Iterator[VideoFrame]:
        """What is left when there are no more."""
        graph, self._graph = self._graph, None
        if graph is not None:
            graph.vpush(None)
            yield from self._pull(graph)

    def _make(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=self._time_base,
        )
        weave = graph.add("bwdif", mode="send_frame", deint="interlaced")
        graph.link_nodes(source, weave, graph.add("buffersink")).configure()
        return graph

    def _pull(self, graph: Graph) -> Iterator[VideoFrame]:
        while True:
            try:
                frame = graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            if frame.pts is not None and frame.time_base:  # It counts in halves.
                frame.pts = round(frame.pts * frame.time_base / self._time_base)
            frame.time_base = self._time_base
            yield frame
