"""The consoles that commands print on."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from seedsweep.cli.streams import shown


class PlainConsole(Console):
    """A console on which no text, whatever it holds, commands the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """What rich itself has to say to the terminal comes as segments of control."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(shown(segment.text), segment.style)


stdout = PlainConsole()
stderr = PlainConsole(stderr=True)
