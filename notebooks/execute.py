"""Executes the notebooks again and stores their outputs: `make notebooks`, or `python notebooks/execute.py`."""

from __future__ import annotations

import base64
import io
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent


def execute(path: Path, folder: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs, executed in a folder; without times and versions, which would be noise.

    Raises nbclient.exceptions.CellExecutionError if a cell fails.
    """
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
    )
    # `!seedsweep` is found as in an activated environment.
    commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    client.execute(cwd=str(folder), env=os.environ | {"PATH": commands})
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    return notebook


def smaller(picture: str) -> str:
    """A PNG in base64 with a palette of 64 colours, which is enough for a figure and a third of the size."""
    found = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB").quantize(64).save(found, "png", optimize=True)
    return base64.b64encode(found.getvalue()).decode()


if __name__ == "__main__":
    for path in sorted(HERE.glob("*.ipynb")):
        nbformat.write(execute(path, HERE), path)
        print(path.name)
