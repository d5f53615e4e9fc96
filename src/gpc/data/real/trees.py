"""The files of an official set, read where they lie: in a folder, a zip or a tar.gz. Nothing is unpacked.

An archive of thousands of pictures is never written out under names that it brought: its entries are judged,
then read into memory one by one, none larger than it says and none larger than a picture may be.
"""

import os
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path

LARGEST_FILE_BYTES = 64 << 20
LARGEST_TREE_BYTES = 8 << 30


class Folder:
    """The files under a folder, by their path in it with forward slashes."""

    def __init__(self, path):
        self.path = Path(path)

    def names(self, under=""):
        """Every file's name, sorted; links to folders are not followed."""
        top = self.path / under
        found = [Path(where) / name for where, _, names in os.walk(top) for name in names]
        return sorted(one.relative_to(self.path).as_posix() for one in found)

    def read(self, wanted):
        """(name, bytes) of those wanted that are there, in the order asked for."""
        for name in wanted:
            path = self.path / name
            if not path.is_file():
                continue
            if path.stat().st_size > LARGEST_FILE_BYTES:
                raise ValueError(f"{path}: {path.stat().st_size:,} bytes is no picture")
            yield name, path.read_bytes()

    def stamp(self, under=""):
        """What tells this state of the folder from another: every name with its length and time."""
        states = [(name, (self.path / name).stat()) for name in self.names(under)]
        return [(name, state.st_size, state.st_mtime_ns) for name, state in states]


class Zip:
    """The files of a zip archive, once every entry has been judged.

    Raises ValueError for links, encrypted or doubled entries, paths out of the archive, a file or a whole
    that unpacks to more than an official one, a wrong checksum.
    """

    def __init__(self, path):
        self.path = Path(path)
        try:
            self._archive = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            raise ValueError(f"{path}: not a whole zip file ({error}); nothing was read") from None
        entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        self._entries = {entry.filename: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise ValueError(f"{path}: holds a file twice; nothing was read")
        for entry in entries:
            kind = entry.external_attr >> 16
            regular = stat.S_IFMT(kind) in (0, stat.S_IFREG) and not entry.flag_bits & 1
            judge(path, entry.filename, entry.file_size, regular=regular)
        within(path, sum(entry.file_size for entry in entries))

    def names(self, under=""):
        """Every file's name that begins with the folder `under`, sorted."""
        return sorted(name for name in self._entries if name.startswith(f"{under}/" if under else ""))

    def read(self, wanted):
        """(name, bytes) of those wanted that are there, in the order asked for; checksums hold."""
        for name in wanted:
            if name not in self._entries:
                continue
            try:
                yield name, self._archive.read(self._entries[name])
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                raise ValueError(f"{self.path}: {name!r} cannot be unpacked ({error})") from None

    def stamp(self, under=""):
        """What tells this archive from another: every name with its length and checksum."""
        return [(name, self._entries[name].file_size, self._entries[name].CRC) for name in self.names(under)]


class Tar:
    """The files of a tar.gz, passed through once: what is not a file or a folder inside it is refused."""

    def __init__(self, path):
        self.path = Path(path)

    def read(self, wanted):
        """(name, bytes) of those wanted that are there, in the archive's order."""
        left, total = set(wanted), 0
        try:
            with tarfile.open(self.path, "r|gz") as archive:
                for entry in archive:
                    judge(self.path, entry.name, entry.size, regular=entry.isreg() or entry.isdir())
                    total = within(self.path, total + entry.size)
                    name = entry.name.removeprefix("./")
                    if entry.isreg() and name in left:
                        left.remove(name)
                        yield name, archive.extractfile(entry).read()
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{self.path}: not a whole tar.gz file ({error})") from None

    def stamp(self, under=""):
        """What tells this archive from another: its length and time; its sum is checked before it is read."""
        state = self.path.stat()
        return [(self.path.name, state.st_size, state.st_mtime_ns)]


def tree(path):
    """The reader for what lies at `path`: a folder, a .zip, or else a .tar.gz."""
    path = Path(path)
    if path.is_dir():
        return Folder(path)
    return Zip(path) if path.suffix == ".zip" else Tar(path)


def judge(path, name, length, *, regular):
    """Refuses an archive for one entry that no official archive has."""
    if not regular:
        raise ValueError(f"{path}: {name!r} is neither a file nor a folder; nothing of it was kept")
    if name.startswith("/") or ".." in name.split("/") or "\\" in name or ":" in name[:2]:
        raise ValueError(f"{path}: {name!r} lies outside the archive; nothing of it was kept")
    if length > LARGEST_FILE_BYTES:
        raise ValueError(f"{path}: {name!r} unpacks to {length:,} bytes, which is no picture")


def within(path, total):
    """`total` if an official archive can unpack to so many bytes."""
    if total > LARGEST_TREE_BYTES:
        raise ValueError(f"{path}: unpacks to more than {LARGEST_TREE_BYTES:,} bytes")
    return total
