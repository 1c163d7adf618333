"""A file with a table in it, as it was sent: CSV or Excel, told apart by how it begins."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from app.base.catalogue.records import FILE_OLD_EXCEL, FILE_WITHOUT_ROWS
from app.records.csv_files import read_csv
from app.records.sheet_rows import FileRows

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# One file at a time in a worker: reading takes the processor from everybody else.
_reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="table-file")


async def read_table(data: bytes) -> FileRows:
    """
    Read the rows of the file *data* in a thread.

    Raises BadRequest `bad_file` and `file_too_large`; `bad_file` as well when there is no row
    besides the one that names the columns.
    """
    rows = await asyncio.get_running_loop().run_in_executor(_reading, _rows, data)
    if not rows.rows:
        raise FILE_WITHOUT_ROWS()
    return rows


def _rows(data: bytes) -> FileRows:
    if data.startswith(_OLE):
        raise FILE_OLD_EXCEL()
    if not data.startswith(_ZIP):
        return read_csv(data)
    # With it comes openpyxl, which a worker needs for the first Excel file only.
    from app.records.xlsx_files import read_xlsx

    return read_xlsx(data)
