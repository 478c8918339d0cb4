"""The command line: ``fastconv info``, ``doctor``, ``demo`` and ``bench``; paths for builds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import fastconv


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit code."""
    parser = argparse.ArgumentParser(
        prog=_called_as(), description="Convolution kernels for the CPU on NumPy arrays."
    )
    parser.add_argument("--version", action="version", version=f"fastconv {fastconv.__version__}")
    parser.add_argument(
        "--include",
        action=_Print,
        const=fastconv.get_include(),
        help="print the directory of fastconv.h",
    )
    parser.add_argument(
        "--cmakedir",
        action=_Print,
        const=fastconv.get_cmake_dir(),
        help="print the directory of fastconv's CMake package",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser(
        "bench",
        add_help=False,
        help="race the libraries that are installed; bench --help tells how",
    )
    commands.add_parser("info", help="show version, instruction set, threads, OpenMP, compiler")
    doctor = commands.add_parser(
        "doctor", help="say in plain words what slows calls down here; exit code 1 if something is"
    )
    doctor.add_argument(
        "--with",
        dest="modules",
        metavar="MODULE",
        nargs="+",
        default=[],
        help="import these first, as your program does: torch, scipy.linalg",
    )
    demo = commands.add_parser(
        "demo", help="train a small network on handwritten digits, in under a minute"
    )
    demo.add_argument("--epochs", type=_positive, default=30, help="default: %(default)s")
    demo.add_argument("--seed", type=_natural, default=0, help="default: %(default)s")
    demo.add_argument("--threads", type=_positive, help="default: all available cores")
    demo.add_argument(
        "--plot", metavar="FILE", help="save a picture of filters, feature maps and loss"
    )
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["bench"]:  # the suite reads its own options
        return _bench(given[1:])
    chosen = parser.parse_args(given)
    if chosen.command == "info":
        fastconv.show_config()
        return 0
    if chosen.command == "doctor":
        return _doctor(chosen.modules)
    return _demo(chosen)


class _Print(argparse.Action):
    """Print the constant as it is, which argparse's own ``version`` would wrap, and end."""

    def __init__(self, option_strings: Sequence[str], dest: str, const: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, const=const, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(self.const)
        parser.exit()


def _called_as() -> str:
    """How this program was called, for its messages."""
    return "fastconv" if Path(sys.argv[0]).stem == "fastconv" else "python -m fastconv"


def _doctor(modules: list[str]) -> int:
    """Import what the user's program imports, and tell what is wrong."""
    from fastconv import doctor

    for name in modules:
        try:
            import_module(name)
        except ImportError as error:
            print(f"{_called_as()} doctor: {error}", file=sys.stderr)
            return 1
    return 1 if doctor.report() else 0


def _bench(options: list[str]) -> int:
    """Run the suite: a wheel has it inside the package, a checkout beside it."""
    for name in ("fastconv.bench", "bench"):
        try:
            found = find_spec(f"{name}.run")
        except ModuleNotFoundError:
            continue
        if found is not None:
            code: int = import_module(f"{name}.run").main(options)
            return code
    print(
        f"{_called_as()} bench: this copy was built in place; run it where bench/ is",
        file=sys.stderr,
    )
    return 1


def _demo(chosen: argparse.Namespace) -> int:
    """Run the demo; a missing extra or an unusable file is a message and exit code 1."""
    from fastconv import demo

    try:
        demo.run(chosen.epochs, seed=chosen.seed, threads=chosen.threads, plot=chosen.plot)
    except (demo.Refused, OSError) as error:
        print(f"{_called_as()} demo: {error}", file=sys.stderr)
        return 1
    return 0


def _positive(text: str) -> int:
    number = _natural(text)
    if number == 0:
        raise argparse.ArgumentTypeError("must be at least 1, got 0")
    return number


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
