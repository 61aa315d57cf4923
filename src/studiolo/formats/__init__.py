"""Files in and out: what people write with elsewhere becomes pages, and pages become files. No I/O beyond bytes.

`read_files` turns named bytes of any format into page drafts, with what is proposed and said in them; `export` goes
the other way. `placing` is the way between drafts and a canvas. Everything that is read is taken for hostile: archives
and XML are bounded (`archives`), and other people's programs run as children that can be ended (`pandoc`,
`typesetting`).

Word's tracked changes travel through pandoc as marks in the text (`marks`): `marking` puts them in where they harm
nothing, `untangling` takes apart what comes back.
"""

from studiolo.formats.chapters import Section, split_chapters
from studiolo.formats.drafts import Change, Imported, PageDraft, Remark, Said
from studiolo.formats.exporting import FORMATS, File, export
from studiolo.formats.kinds import is_text_name, kind_of
from studiolo.formats.reading import decode, is_readable_name, kind_of_content, read_files
from studiolo.formats.writing import as_files, as_one_text, as_zip, safe_name, splits_when_read

__all__ = [
    "FORMATS",
    "Change",
    "File",
    "Imported",
    "PageDraft",
    "Remark",
    "Said",
    "Section",
    "as_files",
    "as_one_text",
    "as_zip",
    "decode",
    "export",
    "is_readable_name",
    "is_text_name",
    "kind_of",
    "kind_of_content",
    "read_files",
    "safe_name",
    "split_chapters",
    "splits_when_read",
]
