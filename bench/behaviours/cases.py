"""The cases. Each was written for one behaviour; what is right is what a careful person would take for it."""

from __future__ import annotations

from bench.behaviours.case import Case, Example, Length

# -- passages that several cases are about

BEARD = (
    "He was an old man with a very large and really quite enormous beard that more or less covered most of his scarf."
)
LISSE = (
    "Across the water the town of Lisse went out window by window. On Tuesday, she had promised, she would bring him "
    "back. Now it was Thursday, and all she had was wool and salt and a key to a door that nobody would describe to "
    "her."
)
SNOW = "At midnight it began to snow. The moon was full and there was not a cloud in the sky."
PLASTER = "Okafor took the north door, because his left arm was in plaster and the north door has no lock to turn."
CRATE = "He carried a crate in both arms and set it down as if it were full of eggs."
SCARED = "Suddenly I felt scared. It was very scary and I was frightened by how frightening it was."
CLAIM = "It is a well-known fact that 90 percent of all people prefer libraries to every other kind of building."
CLICHE = "At the end of the day, it goes without saying that libraries are the beating heart of our communities."
PRACTICE = "What they are, in practice, is warm, open until eight, and free."
BUDGETS = (
    "Their budgets was cut three times in ten years. Each time the opening hours shrank first, because hours do not "
    "complain, and each time the loans fell, which was then given as the reason for the next cut."
)
VANS = (
    "The shelves are only the visible part. Behind them is a system of loans between towns that moves four thousand "
    "books a week by van."
)
LOOP = "for i in range(len(self.lines) - 1):\n            name, price, count = self.lines[i]"
RECEIPT = """    for name, price, count in cart.lines:
        print(f"{count} x {name}: {price}")
    print("Total:", cart.total())"""
QUESTIONS = "- Who answers mail on launch day?\n- Do we keep the old address for a year?"
WEIGHT = (
    "Sie war sehr schwer und hatte ein wirklich ziemlich großes Gewicht, das man beim Heben deutlich spüren konnte."
)
TIN = f"Als sie starb, stand die Dose auf dem Küchentisch. {WEIGHT} Jonas hob den Deckel. Darin lagen lauter Kekse."
FERRY = Case("", "scope", "ferry.md", "", Example()).page
RELAUNCH = Case("", "scope", "relaunch.md", "", Example()).page
DIALOGUE = """"That's his coat," said the mate.

"It was cold at the pier," said Marta.

"And the key?"

"I'll know the door when I see it. How many are we?"

"Eleven. No. Twelve."
"""
MAIL = """Dear all,

the design is done and we go live on 2 April at eight. Chidi moves the blog by 20 March, Bo talks to the lawyers, and
somebody please take the certificate. We have 4,200 euros left.

See you soon
"""

LENS = (
    Case(
        "fix-page",
        "lens",
        "libraries.md",
        "Fix the grammar mistakes on this page.",
        Example((("budgets was cut", "budgets were cut"),)),
        skills=("rewrite",),
    ),
    Case(
        "go-on",
        "lens",
        "ferry.md",
        "Continue the story.",
        Example(adds="The twelfth wore no coat at all, and he was smiling at hers."),
        does="new",
        skills=("continue",),
    ),
    Case(
        "feedback",
        "lens",
        "watch.md",
        "What do you think of this? Leave comments where it is weak.",
        Example(comments=((SCARED, "Three words for one fear; show what the body does."),)),
        does="comment",
        skills=("critique",),
    ),
    Case(
        "titles",
        "lens",
        "ferry.md",
        "Give me five titles for this story.",
        Example(says="1. The Coat\n2. Twelve\n3. What the Mate Counted\n4. The Key to Lisse\n5. Thursday"),
        does="answer",
        skills=("brainstorm", "ask"),
        says=r"(\S[^\n]*\n+){2}",
    ),
    Case(
        "who-has",
        "lens",
        "ferry.md",
        "Where is the key?",
        Example(says="In the pocket of her brother's coat."),
        does="answer",
        skills=("ask",),
        says=r"\b(pocket|coat)\b",
    ),
    Case(
        "docstring",
        "lens",
        "cart.py.txt",
        "Add a docstring to the method total.",
        Example((("def total(self):\n", 'def total(self):\n        """What it all costs, with tax."""\n'),)),
        skills=("rewrite", "continue"),
    ),
    Case(
        "why-bug",
        "lens",
        "cart.py.txt",
        "Why does total leave out the last line of the cart?",
        Example(says="Because range(len(self.lines) - 1) ends one too early."),
        does="answer",
        skills=("ask",),
        says=r"range|- ?1\b|minus one|one (too|less)|off.by.one",
    ),
    Case(
        "review-notes",
        "lens",
        "relaunch.md",
        "Comment on what is missing or contradictory in these notes.",
        Example(comments=(("26 February", "That is before this meeting of 12 March."),)),
        does="comment",
        skills=("critique",),
    ),
    Case(
        "number-list",
        "lens",
        "relaunch.md",
        "Turn the open questions into a numbered list.",
        Example(((QUESTIONS, QUESTIONS.replace("- Who", "1. Who").replace("- Do", "2. Do")),)),
        skills=("rewrite",),
    ),
    Case(
        "shorten-german",
        "lens",
        "keksdose.md",
        "Kürze den zweiten Absatz.",
        Example(((WEIGHT, "Sie war sehr schwer."),)),
        skills=("rewrite",),
    ),
    Case(
        "go-on-german",
        "lens",
        "keksdose.md",
        "Schreib die Geschichte weiter.",
        Example(adds="»Sie hat gewusst, dass wir nachsehen«, sagte Lena."),
        does="new",
        skills=("continue",),
    ),
    Case(
        "comment-french",
        "lens",
        "boulanger.md",
        "Laisse un commentaire sur un passage qui te semble faible.",
        Example(comments=(("le timbre avait trente ans", "On voudrait le voir, ce timbre."),)),
        does="comment",
        skills=("critique",),
    ),
    Case(
        "question-spanish",
        "lens",
        "tren.md",
        "¿A qué hora apareció el tío Ramón?",
        Example(says="A las siete."),
        does="answer",
        skills=("ask",),
        says=r"siete|\b7\b",
    ),
)

SCOPE = (
    Case(
        "rename-town",
        "scope",
        "ferry.md",
        "Change the name of the town from Lisse to Varde.",
        Example((("Lisse", "Varde"),)),
        target=("Lisse",),
        there=("Varde",),
        gone=("Lisse",),
    ),
    Case(
        "one-mistake",
        "scope",
        "libraries.md",
        "There is a grammar mistake in the last paragraph. Correct it.",
        Example((("budgets was", "budgets were"),)),
        target=("Their budgets was cut",),
        gone=("budgets was",),
    ),
    Case(
        "fix-bug",
        "scope",
        "cart.py.txt",
        "Fix the bug in total: it leaves out the last line of the cart.",
        Example((("range(len(self.lines) - 1)", "range(len(self.lines))"),)),
        target=(LOOP,),
        gone=(r"len\(self\.lines\) - 1",),
    ),
    Case(
        "launch-time",
        "scope",
        "relaunch.md",
        "Change the time of the launch to 9:00.",
        Example((("8:00", "9:00"),)),
        target=("8:00",),
        there=("2 April, at 9:00",),
    ),
    Case(
        "agreement-french",
        "scope",
        "boulanger.md",
        "Corrige la faute d'accord dans le deuxième paragraphe.",
        Example((("deux croissant ", "deux croissants "),)),
        target=("deux croissant",),
        there=("deux croissants",),
    ),
    Case(
        "suitcase-spanish",
        "scope",
        "tren.md",
        "Cambia el color de la maleta: tiene que ser verde.",
        Example((("maleta roja", "maleta verde"),)),
        target=("maleta roja",),
        there=("maleta verde",),
        gone=("roja",),
    ),
    Case(
        "rewrite-beard",
        "scope",
        "ferry.md",
        "Rewrite this so that it is not wordy.",
        Example(((BEARD, "His beard hid his scarf."),)),
        select=BEARD,
        target=(BEARD,),
        rewrite=True,
    ),
    Case(
        "plain-words",
        "scope",
        "libraries.md",
        "Rewrite this paragraph in plain words, without any cliché.",
        Example(((f"{CLICHE} {PRACTICE}", "People come because it is warm and costs nothing."),)),
        select=f"{CLICHE} {PRACTICE}",
        target=(f"{CLICHE} {PRACTICE}",),
        gone=("beating heart", "end of the day"),
        rewrite=True,
    ),
    Case(
        "first-person-german",
        "scope",
        "keksdose.md",
        "Schreibe diesen Absatz ganz neu, aus der Sicht von Jonas in der Ichform.",
        Example(((TIN, "Nach dem Begräbnis stand die Dose vor mir. Ich brauchte beide Hände. Kekse, sonst nichts."),)),
        select=TIN,
        target=(TIN,),
        there=(r"\b[Ii]ch\b|\b[Mm]ir\b|\b[Mm]ich\b",),
        rewrite=True,
    ),
    Case(
        "mail",
        "scope",
        "relaunch.md",
        "Turn the whole page into a short e-mail to the team.",
        Example(((RELAUNCH, MAIL),)),
        target=(RELAUNCH,),
        there=(r"2 April|April 2",),
        gone=(r"(?m)^# ",),
        rewrite=True,
    ),
    Case(
        "show-fear",
        "scope",
        "watch.md",
        "Rewrite this from scratch: show the fear, do not name it.",
        Example(((SCARED, "I held the lamp with both hands, and still its light would not stay on the wall."),)),
        select=SCARED,
        target=(SCARED,),
        gone=("scar(y|ed)", "frighten"),
        rewrite=True,
    ),
    Case(
        "dialogue",
        "scope",
        "ferry.md",
        "Rewrite the whole page as a dialogue between Marta and the mate.",
        Example(((FERRY, DIALOGUE),)),
        target=(FERRY,),
        there=(r"(?s)([\"“].*?[\"”].*?){4}|(?m:^\W*(Marta|(The )?[Mm]ate)\W*:)",),
        rewrite=True,
    ),
)

ONLY = (
    Case(
        "shorten-selected",
        "only",
        "ferry.md",
        "Shorten this sentence.",
        Example(((BEARD, "He was an old man, and his beard covered his scarf."),)),
        select=BEARD,
        target=(BEARD,),
    ),
    Case(
        "cut-padding",
        "only",
        "ferry.md",
        "Cut the padding from the sentence about the mate's beard. Leave everything else as it is.",
        Example((("with a very large and really quite enormous beard", "with an enormous beard"),)),
        target=(BEARD,),
    ),
    Case(
        "cliche-only",
        "only",
        "libraries.md",
        "Rewrite only the first sentence of the third paragraph.",
        Example(((CLICHE, "People say that libraries hold a town together."),)),
        target=(CLICHE,),
    ),
    Case(
        "day",
        "only",
        "libraries.md",
        "Change the day on which the toddlers sing to Friday.",
        Example((("Wednesdays", "Fridays"),)),
        target=("Wednesdays",),
        there=("Friday",),
        gone=("Wednesday",),
    ),
    Case(
        "rename-variable",
        "only",
        "cart.py.txt",
        "Rename the variable x in the method total to amount.",
        Example(
            (
                ("        x = 0", "        amount = 0"),
                ("x += price", "amount += price"),
                ("return x *", "return amount *"),
            )
        ),
        target=("x = 0", "x += price * count", "return x * (1 + TAX)"),
        there=("amount = 0", r"amount \+= price", r"return amount \*"),
        gone=(r"\bx = 0", r"\bx \+="),
    ),
    Case(
        "two-decimals",
        "only",
        "cart.py.txt",
        "Make receipt print every price with two decimals. Touch no other function.",
        Example((("{price}", "{price:.2f}"), ("cart.total())", 'f"{cart.total():.2f}")'))),
        target=(RECEIPT,),
        there=(r"\.2f|round\(",),
    ),
    Case(
        "deadline",
        "only",
        "relaunch.md",
        "Change Chidi's deadline to Monday 23 March.",
        Example((("Friday 20 March", "Monday 23 March"),)),
        target=("Friday 20 March",),
        there=("Monday 23 March",),
        gone=("20 March",),
    ),
    Case(
        "owner",
        "only",
        "relaunch.md",
        "Put Ana down as the one who must renew the certificate.",
        Example((("Someone must", "Ana must"),)),
        target=("Someone must renew the certificate.",),
        there=("Ana.*certificate",),
    ),
    Case(
        "name-german",
        "only",
        "keksdose.md",
        "Ersetze im ganzen Text den Namen Lena durch Klara.",
        Example((("Lena. Jonas", "Klara. Jonas"), ("Lena sah", "Klara sah"))),
        target=("Lena",),
        there=("Klara",),
        gone=("Lena",),
    ),
    Case(
        "shorten-german-selected",
        "only",
        "keksdose.md",
        "Kürze diesen Satz.",
        Example(((WEIGHT, "Sie war sehr schwer."),)),
        select=WEIGHT,
        target=(WEIGHT,),
    ),
    Case(
        "spelling-french",
        "only",
        "boulanger.md",
        "Corrige l'orthographe, ne change rien d'autre.",
        Example((("deux croissant ", "deux croissants "),)),
        target=("croissant",),
        there=("deux croissants",),
    ),
    Case(
        "town-spanish",
        "only",
        "tren.md",
        "Cambia la ciudad de Soria por Zamora.",
        Example((("Soria", "Zamora"),)),
        target=("Soria",),
        there=("Zamora",),
        gone=("Soria",),
    ),
)

COMMENTS = (
    Case(
        "weather",
        "comments",
        "watch.md",
        "Leave a comment where the weather contradicts itself.",
        Example(comments=((SNOW, "Snow needs clouds; which of the two is it?"),)),
        target=(SNOW,),
    ),
    Case(
        "arm",
        "comments",
        "watch.md",
        "Comment on the contradiction about Okafor's arm.",
        Example(comments=((CRATE, "His left arm was in plaster an hour ago."),)),
        target=(CRATE, PLASTER),
    ),
    Case(
        "roof",
        "comments",
        "watch.md",
        "Leave one comment where Lindqvist is in the wrong place.",
        Example(comments=(("Then Lindqvist called from the cellar", "She went up to the roof at ten."),)),
        target=(
            "Lindqvist went up to the roof.",
            "Then Lindqvist called from the cellar, where she had been since ten.",
        ),
    ),
    Case(
        "repeats",
        "comments",
        "watch.md",
        "Comment on the passage that repeats itself most.",
        Example(comments=((SCARED, "Scared, scary, frightened, frightening: once is enough."),)),
        target=(SCARED,),
    ),
    Case(
        "source",
        "comments",
        "libraries.md",
        "Add a comment on the claim that needs a source.",
        Example(comments=((CLAIM, "Who counted? Give a source or take it out."),)),
        target=(CLAIM,),
    ),
    Case(
        "cliche",
        "comments",
        "libraries.md",
        "Comment on the sentence that is a cliché.",
        Example(comments=((CLICHE, "Two stock phrases in one sentence."),)),
        target=(CLICHE,),
    ),
    Case(
        "wordy",
        "comments",
        "ferry.md",
        "Leave a comment on the wordiest sentence.",
        Example(comments=((BEARD, "Very large and quite enormous are one thing."),)),
        target=(BEARD,),
    ),
    Case(
        "bug",
        "comments",
        "cart.py.txt",
        "Review this: comment on the line that has the bug.",
        Example(comments=(("range(len(self.lines) - 1)", "This leaves out the last line."),)),
        target=(LOOP,),
    ),
    Case(
        "bad-name",
        "comments",
        "cart.py.txt",
        "Leave a comment on the variable whose name says nothing.",
        Example(comments=(("x = 0", "Call it what it is: the amount."),)),
        target=("x = 0", "x += price * count", "return x * (1 + TAX)"),
    ),
    Case(
        "date",
        "comments",
        "relaunch.md",
        "Comment on the date that cannot be right.",
        Example(comments=(("26 February", "That was before this meeting."),)),
        target=("26 February, 10:00, room 4.",),
    ),
    Case(
        "nobody",
        "comments",
        "relaunch.md",
        "Leave a comment on the task that nobody in particular is to do.",
        Example(comments=(("Someone", "Who is to do it?"),)),
        target=("- Someone must renew the certificate.",),
    ),
    Case(
        "clumsy-german",
        "comments",
        "keksdose.md",
        "Kommentiere den umständlichsten Satz.",
        Example(comments=((WEIGHT, "Schwer und großes Gewicht sind dasselbe."),)),
        target=(WEIGHT,),
    ),
    Case(
        "mistake-french",
        "comments",
        "boulanger.md",
        "Mets un commentaire sur la faute d'accord.",
        Example(comments=(("deux croissant", "Il manque le s du pluriel."),)),
        target=("Ce matin-là, le facteur demanda deux croissant et une baguette.",),
    ),
)

SIXTY = (
    "The twelfth stood at the stern with his back to them and his hands in pockets that were not his. Marta knew the "
    "coat before she knew the man. She went along the rail, one hand on the cold paint, counting the posts because "
    "the mate was counting heads, and when she was near enough she held out the key and said nothing more."
)
HUNDRED = (
    "Their budgets were cut three times in ten years. Each time the opening hours shrank first, because hours do not "
    "complain: the late evening went, then Saturday, then the morning on which the pensioners had read the papers "
    "together. Each time the loans fell, as loans do when a door is shut, and the fall was counted, drawn as a curve "
    "and shown to the council. The council looked at the curve, saw that people wanted fewer books than before, and "
    "gave it as the reason for the next cut. Nobody lied, and nobody had to."
)
LENGTH = (
    Case(
        "sixty-words",
        "length",
        "ferry.md",
        "Continue with one paragraph of about 60 words.",
        Example(adds=SIXTY),
        length=Length("added", "words", 48, 72),
    ),
    Case(
        "two-sentences",
        "length",
        "ferry.md",
        "Continue the story with exactly two sentences.",
        Example(adds="Nobody had come up from below. Marta began to count for herself."),
        length=Length("added", "sentences", 2, 2),
    ),
    Case(
        "half",
        "length",
        "ferry.md",
        "Shorten this to about half its length.",
        Example(
            (
                (
                    LISSE,
                    "Across the water Lisse went out. He was to be back on Tuesday; now it was Thursday, and she had a "
                    "key without a door.",
                ),
            )
        ),
        select=LISSE,
        target=(LISSE,),
        length=Length("passage", "times", 0.4, 0.6),
    ),
    Case(
        "twenty-words",
        "length",
        "libraries.md",
        "Shorten this to about 20 words.",
        Example(
            (
                (
                    VANS,
                    "The shelves are only what shows: behind them, vans move four thousand books a week between "
                    "towns that lend.",
                ),
            )
        ),
        select=VANS,
        target=(VANS,),
        length=Length("passage", "words", 16, 24),
    ),
    Case(
        "hundred-words",
        "length",
        "libraries.md",
        "Expand this to about 100 words.",
        Example(((BUDGETS, HUNDRED),)),
        select=BUDGETS,
        target=(BUDGETS,),
        length=Length("passage", "words", 80, 120),
    ),
    Case(
        "one-sentence",
        "length",
        "libraries.md",
        "Summarise this essay in one sentence.",
        Example(says="Libraries are useful rather than quiet, and they are being cut for the effects of being cut."),
        says=r"librar",
        length=Length("answer", "sentences", 1, 1),
    ),
    Case(
        "three-sentences",
        "length",
        "libraries.md",
        "Write a closing paragraph of exactly three sentences.",
        Example(adds="The door is still open until eight. Somebody is asking where the toilet is. Somebody knows."),
        length=Length("added", "sentences", 3, 3),
    ),
    Case(
        "thirty-words",
        "length",
        "relaunch.md",
        "Summarise these notes in at most 30 words.",
        Example(
            says="Launch on 2 April at 8:00; blog moves by 20 March, certificate needs an owner, 4,200 euros left."
        ),
        says=r"launch|relaunch|website",
        length=Length("answer", "words", 5, 30),
    ),
    Case(
        "explain-code",
        "length",
        "cart.py.txt",
        "Explain in one sentence what receipt does.",
        Example(says="It prints each line of the cart and then the total."),
        says=r"print|total|receipt",
        length=Length("answer", "sentences", 1, 1),
    ),
    Case(
        "twenty-german",
        "length",
        "keksdose.md",
        "Kürze diesen Absatz auf etwa 20 Wörter.",
        Example(
            (
                (
                    TIN,
                    "Als sie starb, stand die schwere Dose auf dem Küchentisch. Jonas hob den Deckel, und darin "
                    "lagen lauter Kekse.",
                ),
            )
        ),
        select=TIN,
        target=(TIN,),
        length=Length("passage", "words", 16, 24),
    ),
    Case(
        "one-french",
        "length",
        "boulanger.md",
        "Continue l'histoire avec une seule phrase.",
        Example(adds="Le boulanger l'ouvrit avec son couteau à pain, debout."),
        length=Length("added", "sentences", 1, 1),
    ),
    Case(
        "one-spanish",
        "length",
        "tren.md",
        "Resume el texto en una sola frase.",
        Example(says="Inés llega a su hora en un tren que siempre se retrasa, y su tío la recibe tarde."),
        says=r"tren|Inés|Ramón",
        length=Length("answer", "sentences", 1, 1),
    ),
    Case(
        "five-names",
        "length",
        "relaunch.md",
        "Give me five names for the new website.",
        Example(says="1. Harbour\n2. Open Desk\n3. Front Room\n4. Noticeboard\n5. The Corner"),
        length=Length("answer", "items", 5, 5),
    ),
)

NOTHING = (
    Case("thanks", "nothing", "ferry.md", "Thank you, that was exactly what I needed.", Example(says="Gladly.")),
    Case(
        "what-coat",
        "nothing",
        "ferry.md",
        "What does Marta carry over her arm?",
        Example(says="Her brother's coat."),
        says=r"\bcoat\b",
    ),
    Case(
        "how-often",
        "nothing",
        "libraries.md",
        "How often were the budgets cut?",
        Example(says="Three times."),
        says=r"\bthree\b|\b3\b",
    ),
    Case("thanks-short", "nothing", "libraries.md", "Thanks!", Example(says="You are welcome.")),
    Case(
        "tax",
        "nothing",
        "cart.py.txt",
        "What is the tax rate in this file?",
        Example(says="19 percent."),
        says=r"\b0?\.19\b|\b19\b",
    ),
    Case(
        "default-count",
        "nothing",
        "cart.py.txt",
        "What is the default of count in add?",
        Example(says="It is 1."),
        says=r"\b1\b|\bone\b",
    ),
    Case(
        "when-launch",
        "nothing",
        "relaunch.md",
        "When is the launch?",
        Example(says="On 2 April, at 8:00."),
        says=r"2(nd)? (of )?April|April 2",
    ),
    Case("fine", "nothing", "relaunch.md", "OK, good. There is nothing to do for now.", Example(says="All right.")),
    Case("thanks-german", "nothing", "keksdose.md", "Danke, das war's schon.", Example(says="Gern.")),
    Case(
        "question-german",
        "nothing",
        "keksdose.md",
        "Was lag in der Dose?",
        Example(says="Lauter Kekse."),
        says=r"\bKekse?\b",
    ),
    Case("thanks-french", "nothing", "boulanger.md", "Merci beaucoup, c'est parfait !", Example(says="De rien.")),
    Case(
        "question-spanish",
        "nothing",
        "tren.md",
        "¿De qué color es la maleta de Inés?",
        Example(says="Es roja."),
        says=r"\broj[ao]\b",
    ),
    Case(
        "leave-it",
        "nothing",
        "watch.md",
        "I like it as it is. Leave it alone, please.",
        Example(says="I leave it as it is."),
    ),
    Case(
        "how-many",
        "nothing",
        "watch.md",
        "How many of them kept watch at the beginning?",
        Example(says="Three."),
        says=r"\bthree\b|\b3\b",
    ),
)

CASES: tuple[Case, ...] = (*LENS, *SCOPE, *ONLY, *COMMENTS, *LENGTH, *NOTHING)
