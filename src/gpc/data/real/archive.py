"""Takes the expected files out of a tar.gz, and nothing else.

The whole table of contents is read and judged before a byte is kept; then each file's length and sum are
checked in memory. Only what passed is written, under names from our own list and never under one the archive
brought.
"""

import gzip
import hashlib
import io
import tarfile
import zlib

SLACK_BYTES = 1 << 20  # headers and padding of a tar with a dozen files


def members(path, source):
    """{file name: bytes} of the source's members in the archive at `path`, lengths and MD5 sums checked.

    Raises ValueError, having kept nothing, for links, devices, absolute paths, `..`, folders other than the
    source's, a missing or doubled member, a wrong length or sum, an archive that unpacks to more than its
    files need.
    """
    limit = sum(member.bytes for member in source.members) + SLACK_BYTES
    try:
        with gzip.open(path) as packed:
            raw = packed.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error}); nothing was unpacked") from None
    if len(raw) > limit:
        raise ValueError(f"{path}: unpacks to more than {limit:,} bytes; nothing was unpacked")
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
            return _taken(tar, source, path)
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{path}: not a whole tar file ({error}); nothing was unpacked") from None


def checked(data, member, *, where):
    """`data` if its length and MD5 sum are the member's; ValueError with both if not.

    MD5 is what the data sets' authors publish: enough against damage, and nothing of a file is run in any
    case.
    """
    if len(data) != member.bytes:
        raise ValueError(f"{where}: {len(data):,} bytes, the official file has {member.bytes:,}")
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != member.md5:
        raise ValueError(f"{where}: MD5 {found}, the official file has {member.md5}")
    return data


def _taken(tar, source, path):
    wanted = {f"{source.folder}/{member.name}": member for member in source.members}
    found = {}
    for entry in tar:
        _judge(entry, source.folder, path)
        if entry.name in wanted:
            if entry.name in found:
                raise ValueError(f"{path}: holds {entry.name!r} twice; nothing was unpacked")
            found[entry.name] = entry
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise ValueError(f"{path}: lacks {', '.join(missing)}; nothing was unpacked")
    return {
        member.name: checked(tar.extractfile(found[full]).read(), member, where=f"{path}: {full}")
        for full, member in wanted.items()
    }


def _judge(entry, folder, path):
    """Refuses an archive for one entry that no official archive has."""
    parts = entry.name.split("/")
    if not (entry.isreg() or entry.isdir()):
        raise ValueError(f"{path}: {entry.name!r} is neither a file nor a folder; nothing was unpacked")
    if parts[0] != folder or ".." in parts or "\\" in entry.name or ":" in entry.name:
        raise ValueError(f"{path}: {entry.name!r} lies outside {folder}/; nothing was unpacked")
