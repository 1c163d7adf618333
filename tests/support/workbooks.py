"""Excel files as other programs write them, part by part."""

import io
import zipfile
from collections.abc import Mapping

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PARTS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_OVERRIDES = {
    "/xl/workbook.xml": f"{_PARTS}.sheet.main+xml",
    "/xl/worksheets/sheet1.xml": f"{_PARTS}.worksheet+xml",
    "/xl/styles.xml": f"{_PARTS}.styles+xml",
    "/xl/sharedStrings.xml": f"{_PARTS}.sharedStrings+xml",
}


def workbook(
    rows: str,
    *,
    after: str = "",
    formats: tuple[int, ...] = (),
    custom: Mapping[int, str] | None = None,
    shared: str = "",
    workbook_properties: str = "",
    parts: Mapping[str, str] | None = None,
) -> bytes:
    """
    A workbook of one sheet: *rows* and what comes *after* them as XML.

    Style number n + 1 has the number format `formats[n]`; *custom* are the codes of own formats;
    *shared* are the `<si>` of shared texts.
    """
    codes = "".join(
        f'<numFmt numFmtId="{number}" formatCode="{code}"/>'
        for number, code in (custom or {}).items()
    )
    styles = "".join(f'<xf numFmtId="{number}"/>' for number in (0, *formats))
    texts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        + "".join(
            f'<Override PartName="{name}" ContentType="{kind}"/>'
            for name, kind in _OVERRIDES.items()
        )
        + "</Types>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_REL}">'
        f'<workbookPr {workbook_properties}/><sheets><sheet name="S" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_REL}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{codes}</numFmts>'
        f"<cellXfs>{styles}</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{shared}</sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>'
        f"{after}</worksheet>",
    }
    return packed(texts | dict(parts or {}))


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip of *parts*."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def row(number: int, *cells: str) -> str:
    """A row of cells that are XML already."""
    return f'<row r="{number}">{"".join(cells)}</row>'


def text(place: str, value: str) -> str:
    """A cell with an inline text that needs no escaping."""
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'


def number(place: str, value: str, style: int = 0) -> str:
    """A cell with a number, in the look of a style."""
    return f'<c r="{place}" s="{style}"><v>{value}</v></c>'
