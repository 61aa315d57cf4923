# ruff: noqa: E501 - rows and XML have long lines
"""Tables in files as people have them: what is said of them, and what can be asked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from studiolo.canvas.errors import Invalid, TooLarge
from studiolo.tools.sandbox import Sandbox
from studiolo.tools.tables import LARGEST, Tables

SALES = b"""day,region,amount,note
2026-01-02,North,10.5,
2026-01-03,South,20,paid
2026-01-04,North,30,paid
2026-01-05,,40.25,n/a
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    sandbox = Sandbox(tmp_path_factory.mktemp("tables"))
    yield Tables(sandbox)
    sandbox.close()


async def test_a_file_is_described(tables: Tables) -> None:
    found = await tables.describe({"Sales 2026.csv": SALES})
    (table,) = found.tables
    assert table["name"] == "Sales_2026" and table["rows"] == 4 and found.problems == []
    day, region, amount, note = table["columns"]
    assert day["type"] == "DATE" and (day["min"], day["max"]) == ("2026-01-02", "2026-01-05")
    assert (region["missing"], region["distinct"], region["top"][0]) == (1, 2, ["North", 2])
    assert amount["type"] == "DOUBLE" and amount["mean"] == pytest.approx(25.1875)
    assert any("n/a" in one for one in note["odd"])
    assert table["sample"][0] == ["2026-01-02", "North", 10.5, None]
    assert "Table Sales_2026 (from Sales 2026.csv): 4 rows" in found.text
    assert "amount DOUBLE; 4 different; from 10.5 to 40.25; mean 25.1875" in found.text


async def test_a_question_is_answered(tables: Tables) -> None:
    table = await tables.query(
        "select region, sum(amount) as total from sales where region is not null group by 1 order by 1",
        {"sales.csv": SALES},
    )
    assert table.columns == ["region", "total"] and table.types == ["VARCHAR", "DOUBLE"]
    assert table.rows == [["North", 40.5], ["South", 20.0]] and table.total == 2


async def test_files_are_joined(tables: Tables) -> None:
    names = b"region\tcaptain\nNorth\tPeleg\nSouth\tBildad\n"
    lines = b'{"captain": "Peleg", "age": 61}\n{"captain": "Bildad", "age": 60}\n'
    table = await tables.query(
        "select captain, age, sum(amount) from sales join names using (region) join people using (captain) "
        "group by all order by captain",
        {"sales.csv": SALES, "names.tsv": names, "people.jsonl": lines},
    )
    assert table.rows == [["Bildad", 60, 20.0], ["Peleg", 61, 40.5]]


async def test_a_long_result_is_counted_and_cut(tables: Tables) -> None:
    table = await tables.query("select * from range(250000)", {"sales.csv": SALES})
    assert table.total == 250_000 and len(table.rows) == 200


async def test_a_million_rows(tables: Tables, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    with path.open("w", newline="") as written:
        writer = csv.writer(written)
        writer.writerow(["n", "kind", "value"])
        writer.writerows((n, "abcdefg"[n % 7], n / 8) for n in range(1_000_000))
    table = await tables.query("select kind, count(*), max(value) from many group by 1 order by 1", {"many.csv": path})
    assert table.rows[0] == ["a", 142_858, 124_999.875]
    (described,) = (await tables.describe({"many.csv": path})).tables
    assert described["rows"] == 1_000_000 and described["columns"][0]["max"] == 999_999


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
async def test_encodings_and_delimiters(tables: Tables, encoding: str, delimiter: str) -> None:
    rows = [
        ["Straße", "Größe"],
        ["Kö", "1"],
        ["Champs-Élysées", "2"],
        ["Łąka" if encoding[:3] == "utf" else "Œuvre", "3"],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    table = await tables.query('select "Straße", "Größe" from f', {"f.csv": text.getvalue().encode(encoding)})
    assert [row[0] for row in table.rows] == [row[0] for row in rows[1:]]
    assert [row[1] for row in table.rows] == [1, 2, 3]


async def test_decimal_commas_are_numbers(tables: Tables) -> None:
    data = b"Ort;Preis;Tag\nUlm;1.234,50;31.12.2025\nHof;3,25;01.02.2026\n"
    found = await tables.describe({"preise.csv": data})
    (table,) = found.tables
    assert [one["type"] for one in table["columns"]] == ["VARCHAR", "DOUBLE", "DATE"]
    assert any("decimal commas" in one for one in table["odd"])
    assert (await tables.query("select sum(Preis) from preise", {"preise.csv": data})).rows == [[1237.75]]


async def test_what_is_odd_is_said(tables: Tables) -> None:
    data = (
        b"id,id,,amount,when,town,same\n"
        b"1,1,x,100,March 3 2024,Ulm,k\n2,2,y,n/a,03/04/2024,ulm ,k\n3,3,z,300,13/04/2024,Hof,k\n3,3,z,300,13/04/2024,Hof,k\n"
    )
    (table,) = (await tables.describe({"odd.csv": data})).tables
    said = " ".join(table["odd"])
    assert "“id”" in said and "no header" in said and "copies" in said
    by = {one["name"]: " ".join(one["odd"]) for one in table["columns"]}
    assert "mixes types" in by["amount"] and "n/a" in by["amount"]
    assert "dates as text" in by["when"]
    assert "blank" in by["town"] and "capitals" in by["town"]
    assert "same value" in by["same"]


async def test_lines_that_do_not_fit_are_counted(tables: Tables) -> None:
    data = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n) for n in range(200_000)) + b"broken,7\n"
    found = await tables.describe({"long.csv": data})
    (table,) = found.tables
    assert table["rows"] >= 200_000
    assert table["rows"] == 200_001 or any("do not fit" in one for one in table["odd"]), table["odd"]


async def test_spreadsheets_and_parquet(tables: Tables, tmp_path: Path) -> None:
    with duckdb.connect() as database:
        database.execute(
            f"copy (select i as n, i * 1.5 as x from range(10) t(i)) to '{tmp_path / 'p.parquet'}' (format parquet)"  # noqa: S608
        )
    parquet = (tmp_path / "p.parquet").read_bytes()
    assert (await tables.query("select sum(n), sum(x) from p", {"p.parquet": parquet})).rows == [[45, 67.5]]
    book = workbook({"Ships": [["name", "year"], ["Pequod", 1841], ["Rachel", 1839]], "Crew": [["who"], ["Ishmael"]]})
    found = await tables.describe({"Nantucket.xlsx": book})
    assert [one["name"] for one in found.tables] == ["Nantucket_Ships", "Nantucket_Crew"]
    assert found.tables[0]["columns"][1]["type"] == "BIGINT"
    assert (
        await tables.query("select name from Nantucket_Ships where year < 1840", {"Nantucket.xlsx": book})
    ).rows == [["Rachel"]]


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    """A small .xlsx, by hand."""
    import zipfile
    from xml.sax.saxutils import escape

    kind = "http://schemas.openxmlformats.org"
    main = f"{kind}/spreadsheetml/2006/main"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{kind}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{kind}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{kind}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    }
    names = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
    files["xl/workbook.xml"] = (
        f'<workbook xmlns="{main}" xmlns:r="{kind}/officeDocument/2006/relationships"><sheets>{names}</sheets></workbook>'
    )
    files["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{kind}/package/2006/relationships">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{kind}/officeDocument/2006/relationships/worksheet" '
            f'Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(sheets) + 1)
        )
        + "</Relationships>"
    )
    for n, rows in enumerate(sheets.values(), 1):
        cells = "".join(
            f'<row r="{r}">'
            + "".join(
                f'<c r="{chr(64 + c)}{r}"><v>{one}</v></c>'
                if isinstance(one, int)
                else f'<c r="{chr(64 + c)}{r}" t="inlineStr"><is><t>{escape(str(one))}</t></is></c>'
                for c, one in enumerate(row, 1)
            )
            + "</row>"
            for r, row in enumerate(rows, 1)
        )
        files[f"xl/worksheets/sheet{n}.xml"] = f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select amout from sales", ['Did you mean "amount"', '"region"']),
        ("select * from sale", ['"sales"']),
        ("selec 1", ["syntax error", "sales("]),
        ("select 1; select 2", ["one question"]),
        ("drop table sales", ["Only questions"]),
        ("copy sales to 'x.csv'", ["Only questions"]),
        ("attach 'x.db'", ["Only questions"]),
        ("install httpfs", ["Only questions"]),
        ("set enable_external_access=true", ["Only questions"]),
        ("select * from read_text('/etc/passwd')", ["disabled"]),
        ("select * from 'file0.csv'", ["disabled"]),
        ("select * from read_csv('request.json')", ["disabled"]),
        ("select * from glob('/etc/*')", ["disabled"]),
        ("select count(*) from range(100000000000) a, range(1000000) b", ["stopped after"]),
        ("select list(repeat('x', 100000)) from range(1000000)", ["emory"]),
    ],
)
async def test_what_cannot_be_asked_is_explained(tables: Tables, sql: str, says: list[str]) -> None:
    with pytest.raises(Invalid) as wrong:
        await tables.query(sql, {"sales.csv": SALES})
    for one in says:
        assert one in wrong.value.message, wrong.value.message


async def test_what_cannot_be_read_is_said_and_the_rest_is_read(tables: Tables) -> None:
    found = await tables.describe({"sales.csv": SALES, "book.xlsx": b"no book", "p.parquet": b"PAR1", "e.csv": b""})
    assert "sales" in [one["name"] for one in found.tables]
    assert any("book.xlsx" in one for one in found.problems) and any("p.parquet" in one for one in found.problems)


async def test_files_that_are_no_tables_or_too_large_are_refused(tables: Tables, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as written:
        written.truncate(LARGEST + 1)
    with pytest.raises(TooLarge, match="MB"):
        await tables.describe({"large.csv": large})
    with pytest.raises(Invalid, match="no table"):
        await tables.describe({"x.exe": b"MZ"})
    with pytest.raises(Invalid, match="no file"):
        await tables.query("select 1", {})


async def test_cells_are_data(tables: Tables) -> None:
    nasty = '"; drop table t; --'
    text = io.StringIO()
    csv.writer(text).writerows([[nasty, "b"], ["=cmd()", "\x1b[31m"], ["x", json.dumps({"a": 1})]])
    found = await tables.describe({"t.csv": text.getvalue().encode()})
    assert found.tables[0]["columns"][0]["name"] == nasty
    assert "\x1b" not in found.text
