"""Worked examples for small models: they follow a pattern shown three times much better than an instruction."""

from __future__ import annotations

Examples = tuple[tuple[str, str], ...]

SHORTEN: Examples = (
    (
        "The old man, who had been a sailor for most of his life, walked very slowly down to the harbour in order to "
        "look at the boats.",
        "The old man, once a sailor, walked slowly down to the harbour to look at the boats.",
    ),
    (
        "There were a number of people in the room who were really quite angry about the decision that had been made.",
        "People in the room were angry about the decision.",
    ),
    (
        "It was, as she often said to her friends, the most beautiful and perfect garden in all of the county.",
        "It was the most beautiful garden in the county.",
    ),
)

FIX: Examples = (
    ("Me and him goes to there house evry sunday", "He and I go to their house every Sunday."),
    (
        "The dog were barking loudley, and its tail was waging.",
        "The dog was barking loudly, and its tail was wagging.",
    ),
    ("It was a cold night.", "It was a cold night."),
)

SIMPLIFY: Examples = (
    (
        "He utilized a ladder in order to ascend to the roof of the building.",
        "He used a ladder to climb to the roof.",
    ),
    (
        "The commencement of the ceremony was subject to a delay owing to inclement weather.",
        "The ceremony started late because of bad weather.",
    ),
    (
        "Notwithstanding his considerable fortune, he was perpetually apprehensive of poverty.",
        "He was rich, but he was always afraid of being poor.",
    ),
)

VIVID: Examples = (
    (
        "The man walked through the rain.",
        "The man pushed through the driving rain, his collar up and his shoes full of water.",
    ),
    ("She opened the door.", "She eased the door open, holding her breath as the old hinges groaned."),
    ("It was a hot day.", "The heat lay on the street like a hand, and nothing moved."),
)

TONES: dict[str, Examples] = {
    "formal": (
        (
            "We can't come to the meeting because we're busy.",
            "We are unable to attend the meeting, as we are otherwise engaged.",
        ),
        ("Tell me when you get the money.", "Please inform me when you receive the money."),
        ("The plan was a mess from the start.", "The plan was poorly organised from the beginning."),
    ),
    "casual": (
        ("We are unable to attend the meeting.", "We can't make it to the meeting."),
        ("Please inform me when you receive the money.", "Let me know when you get the money."),
        ("The weather was exceedingly unpleasant.", "The weather was pretty awful."),
    ),
    "friendly": (
        ("Send me the report today.", "Could you send me the report today? Thank you!"),
        (
            "The shop is closed on Sunday.",
            "The shop is closed on Sunday, but we'd love to see you on Monday!",
        ),
        ("You made a mistake on the form.", "It looks like a small mistake slipped into the form."),
    ),
    "polite": (
        ("Send me the report today.", "Could you please send me the report today?"),
        ("That idea will not work.", "I am afraid that idea may not work."),
        ("You are late again.", "I notice that you have been late again."),
    ),
    "tense": (
        (
            "He walked to the door and opened it.",
            "He crept to the door, held his breath, and pulled it open.",
        ),
        (
            "There was a noise in the kitchen.",
            "Something moved in the kitchen, and then the house was too quiet.",
        ),
        ("She waited for the phone to ring.", "She stared at the phone. It did not ring."),
    ),
}

FREE: Examples = (
    (
        "Make this past tense.\n\nShe walks to the sea and looks at the boats.",
        "She walked to the sea and looked at the boats.",
    ),
    (
        "Say this more dramatically.\n\nThe wind was strong.",
        "The wind tore at the roofs and screamed in the chimneys.",
    ),
    ("Write this from the view of I.\n\nHe closed the book and slept.", "I closed the book and slept."),
)
