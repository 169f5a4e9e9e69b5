import seedsweep.sweep.make as _make

from . import analysis as analysis
from .analysis.report import report as report
from .analysis.study.compare import compare as compare
from .analysis.study.forecast import forecast as forecast
from .criterion import Criterion as Criterion
from .errors import InputError as InputError
from .population import Population as Population
from .sweep.check import check as check
from .sweep.checkpoints import load_checkpoint as load_checkpoint
from .sweep.compact import compact as compact
from .sweep.importing import import_results as import_results
from .sweep.reader import load as load
from .sweep.run import run as run
from .sweep.spec import SweepSpec as SweepSpec
from .sweep.specfile import read_spec as read_spec
from .sweep.splice import splice as splice
from .tables import read_table as read_table
from .version import __version__ as __version__
from .workers.probing.probe import probe as probe

sweep = _make.sweep
# What is imported lazily; for the type checker it is the function above, by which the room is called.
from . import sweep as sweep  # type: ignore[assignment]  # noqa: E402, F811
