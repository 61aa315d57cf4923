"""Writing to people: where each wants mail and about what, the queue, and SMTP.

Nobody is written to who has not confirmed that the address is theirs, and each mail has a link that ends it. What is
in a canvas is not in a mail, but for titles; who wants more says so.
"""

from studiolo.people.mail.mailboxes import ABOUT, Mailbox, Mailboxes
from studiolo.people.mail.post import Post
from studiolo.people.mail.smtp import Server

__all__ = ["ABOUT", "Mailbox", "Mailboxes", "Post", "Server"]
