"""Read faces from a zip without unpacking it."""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from fer_ensemble.datasets.csv_files import parse_header, read_rows
from fer_ensemble.datasets.dataset import DatasetError, FaceDataset, Progress, ReadReport
from fer_ensemble.datasets.folders import (
    Entry,
    check_size,
    is_ignored,
    is_picture,
    read_pictures,
)
from fer_ensemble.faces import UnreadableImage

#: The largest sets of this kind have some hundred thousand faces; so many take 2.3 GB.
MAX_MEMBERS = 1_000_000

# What zipfile and the decompressors under it raise on damaged, encrypted or exotic members.
_ZIP_ERRORS = (
    BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zlib.error,
)


def read_zip(path: Path, report: ReadReport, progress: Progress | None = None) -> FaceDataset:
    """Read faces from a zip of class folders, or of one FER2013 CSV.

    Parameters
    ----------
    path : Path
    report : ReadReport
        Takes what is skipped, resized or left out.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If it is not a zip, has more than `MAX_MEMBERS` files, or has several CSVs to choose from.
    """
    try:
        archive = ZipFile(path)
    except PermissionError:  # an OSError, but nothing is wrong with the zip
        raise
    except _ZIP_ERRORS as error:
        raise DatasetError(
            f"{path}: not a zip file, or a damaged one ({error}). Download or make it again."
        ) from error
    with archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) > MAX_MEMBERS:
            raise DatasetError(
                f"{path}: {len(members):,} files, at most {MAX_MEMBERS:,} are read. Unpack it and "
                "give the folder."
            )
        names = [info.filename for info in members if not is_ignored(info.filename)]
        # Beside pictures, a CSV is a list of them or of something else, not the faces.
        if not any(is_picture(name) for name in names):
            tables = [info for info in members if info.filename.lower().endswith(".csv")]
            table = _choose_table(archive, tables, report)
            if table:
                return _read_table(archive, table, report, progress)
        entries = [Entry(info.filename, partial(_read_member, archive, info)) for info in members]
        return read_pictures(entries, report, progress)


def _choose_table(
    archive: ZipFile, tables: Sequence[ZipInfo], report: ReadReport
) -> ZipInfo | None:
    """Choose the CSV that has faces; one with official splits goes before those without.

    The challenge's download also has train.csv, a part of it, and test.csv, without labels.
    """
    with_usage: list[ZipInfo] = []
    without: list[ZipInfo] = []
    for info in tables:
        if is_ignored(info.filename) or info.flag_bits & 0x1:
            continue
        try:
            with archive.open(info) as stream:
                columns = parse_header(stream.readline(10_000), info.filename)
        except _ZIP_ERRORS:
            continue
        (without if columns.usage is None else with_usage).append(info)
    found = with_usage or without
    if len(found) > 1:
        names = ", ".join(info.filename for info in found)
        raise DatasetError(
            f"{report.source}: several CSVs with faces ({names}). Unpack it and give one of them."
        )
    return found[0] if found else None


def _read_table(
    archive: ZipFile,
    info: ZipInfo,
    report: ReadReport,
    progress: Progress | None,
) -> FaceDataset:
    report.source = f"{report.source}, {info.filename}"
    with archive.open(info) as member:
        # A small buffer: where the zip is damaged, what is in the buffer is lost.
        stream = io.BufferedReader(member, 16 * 1024)  # type: ignore[type-var]
        return read_rows(stream, report, progress, lambda: member.tell() / info.file_size)


def _read_member(archive: ZipFile, info: ZipInfo) -> bytes:
    # What the zip says of the size holds: zipfile reads no more than that, whatever is packed.
    check_size(info.file_size)
    if info.flag_bits & 0x1:
        raise UnreadableImage("encrypted")
    try:
        return archive.read(info)
    except _ZIP_ERRORS as error:
        raise UnreadableImage(f"damaged in the zip ({error})") from error
