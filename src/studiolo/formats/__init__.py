"""Text in and out: Markdown and plain files become pages, pages become files. No I/O beyond the bytes handed in.

`read_files` turns named bytes into titled pages (one book is split at its chapters, a folder keeps one page a file);
`as_files`, `as_zip` and `as_one_text` go the other way. A page that is exported and imported again as a folder or
zip keeps its text exactly.
"""

from studiolo.formats.chapters import Section, split_chapters
from studiolo.formats.kinds import is_text_name, kind_of
from studiolo.formats.reading import Imported, PageDraft, decode, read_files
from studiolo.formats.writing import as_files, as_one_text, as_zip, safe_name, splits_when_read

__all__ = [
    "Imported",
    "PageDraft",
    "Section",
    "as_files",
    "as_one_text",
    "as_zip",
    "decode",
    "is_text_name",
    "kind_of",
    "read_files",
    "safe_name",
    "split_chapters",
    "splits_when_read",
]
