"""Where official files lie or shall lie; what is not there is fetched: a file, or a repository's commit."""

import contextlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from gpc._files import moved
from gpc.data.real import download

# Nothing is written under the files' names, so none is refused that Windows cannot have.
_ZIP = ("-c", "core.protectNTFS=false", "archive", "-0", "--format=zip", "--output=packed.zip")
NO_DOWNLOAD = "or use a set that needs no download: 'digits', 'leaves', 'cells'"


def home(folder=None):
    """Where official files are looked for and kept: `folder`, else `GPC_DATA`, else the user's cache folder.

    Raises NotADirectoryError where that is a file, or lies in one.

    >>> str(home("here"))
    'here'
    """
    asked = folder or os.environ.get("GPC_DATA", "").strip()
    if asked:
        path = Path(asked).expanduser()
        file = next((one for one in (path, *path.parents) if one.is_file()), None)
        if file is not None:
            told = f"{'folder' if folder else 'GPC_DATA'}={asked} is no folder: {file} is a file"
            raise NotADirectoryError(f"{told}; nearest: {file.parent}")
        return path
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "gpc"


def fetched(name, file, path, *, say=None, unpacked=None):
    """The path of a file that is there or has been downloaded; else says what to do instead.

    `unpacked` is the folder that may stand in the file's place.
    """
    if path.exists():
        return path
    try:
        return download.fetch(file, path, say=say)
    except OSError as error:
        or_folder = f", or its unpacked folder {unpacked}/ into {path.parent}" if unpacked else ""
        raise FileNotFoundError(
            f"{name} is not in {path.parent} and could not be downloaded. {error}. Put {file.name} "
            f"({described(file)}) there yourself{or_folder}; or name another folder by GPC_DATA; "
            f"{NO_DOWNLOAD}"
        ) from None


def described(file):
    """Length and sums of a file as far as they are published, in words."""
    length = f"{file.bytes:,} bytes" if file.bytes else "length and sum not published"
    known = (("MD5", file.md5), ("SHA-256", file.sha256))
    return ", ".join([length, *(f"{kind} {sum_}" for kind, sum_ in known if sum_)])


def official(file, path):
    """`path`, once the file there has the official length and sums."""
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        raise ValueError(f"{path}: {size:,} bytes, the official archive has {file.bytes:,}; delete it")
    download.verify(file, path)
    return path


def archived(name, file, folder, unpacked, *, say=None):
    """What to read a set from: its unpacked folder if it is there, else its archive, fetched and checked."""
    if (folder / unpacked).is_dir():
        return folder / unpacked
    return official(file, fetched(name, file, folder / file.name, say=say, unpacked=unpacked))


def cloned(name, address, commit, path, *, only=(), packed=False):
    """The folder of a repository at this commit: as it lies there, or fetched by `git`, which checks sums.

    A commit's number is a sum over every file in it. `only` names the folders to fetch, else all. With
    `packed` it is one zip, `path` + ".zip", for files whose names this system cannot have. No hook or filter
    of the repository is run, and no link in it is made. A cut fetch begins again.
    Raises FileNotFoundError, with the commands to do it by hand, where git or the address cannot be reached.
    """
    if path.is_dir():
        return path
    target = path.with_name(path.name + ".zip") if packed else path
    if packed and target.is_file():
        return target
    draft = path.with_name(path.name + ".part")
    _remove(draft)
    partly = ["--filter=blob:none"] if only else []
    steps = [["init", "--quiet", str(draft)]]
    steps += [["-C", str(draft), "remote", "add", "origin", address]]
    steps += [["-C", str(draft), "sparse-checkout", "set", "--no-cone", *only]] if only else []
    steps += [["-C", str(draft), "fetch", "--quiet", "--depth=1", *partly, "origin", commit]]
    made, last = (draft / "packed.zip", _ZIP) if packed else (draft, ["checkout", "--quiet", "--detach"])
    steps += [["-C", str(draft), *last, commit]]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for step in steps:
            _git(step)
        moved(made, target)
        _remove(draft)
        return target
    except (OSError, subprocess.CalledProcessError) as error:
        _remove(draft)
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
        raise FileNotFoundError(
            f"{name} is not in {path} and {address} could not be fetched at commit {commit}: "
            f"{' '.join(said)}. Do it yourself with {_by_hand(address, commit, path, packed)}; "
            f"or name another folder by GPC_DATA; {NO_DOWNLOAD}"
        ) from None


def _by_hand(address, commit, path, packed):
    """The commands that do what `cloned` does."""
    if not packed:
        return f"`git clone {address} {path}` and `git -C {path} checkout {commit}`"
    zip_of_it = f"{' '.join(_ZIP[:-1])} --output={path.resolve()}.zip {commit}"
    return f"`git clone --bare {address} {path}.git` and `git -C {path}.git {zip_of_it}`"


def _remove(folder):
    """No folder there any more. What git wrote is read-only, and Windows removes no such file."""
    shutil.rmtree(folder, ignore_errors=True)
    for left in folder.rglob("*"):
        with contextlib.suppress(OSError):
            left.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def _git(step):
    careful = ["-c", "core.hooksPath=/dev/null", "-c", "core.symlinks=false", "-c", "core.autocrlf=false"]
    quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}
    told = {"encoding": "utf-8", "errors": "replace"}  # Windows has its own words, in any code page
    subprocess.run(["git", *careful, *step], check=True, capture_output=True, env=quiet, **told)
