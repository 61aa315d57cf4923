"""Identity: the id of every character of a canvas, read from the updates that made it.

pycrdt keeps the document; this package stands beside it and answers what pycrdt cannot: who wrote a run of text,
where a Yjs relative position is now (in code points), what an update would do before it is let in, and what update
makes an edit. It is pure Python without I/O, and knows of the document only where things hang: values other than
the texts of pages are never kept.

`decode` and `encode` speak the wire format; `store` integrates (with `schedule` for what arrives out of order, and
`items` and `strand` for what it holds); `change` classifies an update, `composing` makes one; `index` is the face
of it all.
"""

from studiolo.canvas.identity.change import Change as Change
from studiolo.canvas.identity.composing import Composer as Composer
from studiolo.canvas.identity.composing import Living as Living
from studiolo.canvas.identity.composing import Return as Return
from studiolo.canvas.identity.composing import Returned as Returned
from studiolo.canvas.identity.composing import Taken as Taken
from studiolo.canvas.identity.decode import DecodeError as DecodeError
from studiolo.canvas.identity.decode import Range as Range
from studiolo.canvas.identity.decode import TooManyParts as TooManyParts
from studiolo.canvas.identity.decode import Update as Update
from studiolo.canvas.identity.decode import decode as decode
from studiolo.canvas.identity.index import Identity as Identity
from studiolo.canvas.identity.index import Run as Run
from studiolo.canvas.identity.index import TextEdit as TextEdit
from studiolo.canvas.identity.pieces import Piece as Piece
from studiolo.canvas.identity.store import Tangled as Tangled
