"""Sentences beside the words that they rest on, half of them true to those words, by somebody who read both.

`what` says what is wrong with a sentence: "" nothing. The kinds that only somebody who understands can find (who did it
to whom, why, what was left unsaid) are here, too: they show what the program misses.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    sentence: str
    quote: str
    what: str = ""


TRUE = [
    Pair("The bridge was closed in 2011.", "In 2011 the bridge was closed for good."),
    Pair("The drug does not lower blood pressure.", "Blood pressure was not lowered by the drug in any of the groups."),
    Pair("The council never approved the plan.", "The plan was never approved by the council of the town."),
    Pair("Without the dam the valley would flood.", "The valley would flood if there were no dam."),
    Pair("Exports rose by 12 percent in 2019.", "In 2019 exports rose by 12 percent, more than in any year before."),
    Pair("Sales fell in the second quarter.", "Sales dropped by a third in the second quarter of the year."),
    Pair("The reactor cost 3.2 billion euros.", "Building the reactor cost 3.2 billion euros in the end."),
    Pair("The reactor cost 3,200 million euros.", "Building the reactor cost 3.2 billion euros in the end."),
    Pair("Unemployment fell by 2 percentage points.", "Unemployment fell by 2 percentage points within a year."),
    Pair("The museum opened on 4 May 1921.", "On May 4, 1921 the museum was opened by the mayor."),
    Pair("The museum opened in May 1921.", "It was on 4 May 1921 that the museum opened its doors."),
    Pair("The treaty was signed on 2003-02-26.", "The treaty was signed on 26 February 2003 in Nice."),
    Pair("Coffee may cause headaches.", "Coffee may cause headaches in people who drink much of it."),
    Pair("The vaccine might protect children.", "The vaccine protects children against the illness."),
    Pair("Some birds do not migrate.", "Some birds, among them the robin, do not migrate in winter."),
    Pair("The mine employs 240 people.", "Today 240 people are employed at the mine, most of them locals."),
    Pair("Nine workers died in the flood.", "In the flood nine workers died, and the works stood still."),
    Pair("Nine workers died in the flood.", "In the flood 9 workers died, and the works stood still."),
    Pair("The tower is 120 metres high.", "At 120 metres the tower is higher than the cathedral."),
    Pair("The tower is higher than the cathedral.", "At 120 metres the tower is higher than the cathedral."),
    Pair(
        "Not only the harbour but also the railway was destroyed.",
        "Not only the harbour was destroyed, but also the railway.",
    ),
    Pair("At least 300 people were hurt.", "At least 300 people were hurt when the roof came down."),
    Pair("The lake is no longer polluted.", "Since the works were shut the lake is no longer polluted."),
    Pair("The company lost the case.", "In 2015 the company lost the case before the highest court."),
    Pair("Most of the money came from the state.", "Most of the money, 60 million crowns, came from the state."),
    Pair(
        "The north bank is steeper than the south bank.",
        "On the north bank, which is steeper than the south bank, nothing grows.",
    ),
    Pair(
        "The first flight was in 1931.",
        "The first flight was in 1931, the last one in 1952, when the airfield closed.",
    ),
    Pair(
        "The capacity did not increase.",
        "Although 24 turbines were replaced, the capacity did not increase.",
    ),
    Pair(
        "The brewery was founded in 1842.",
        "The brewery, founded in 1842 and sold in 1970, is not open to visitors.",
    ),
    Pair("The film was shown in Berlin.", "No film of hers was shown in Paris, but one was shown in Berlin."),
    Pair("Die Brücke wurde 1911 nicht gebaut.", "Im Jahr 1911 wurde die Brücke noch nicht gebaut."),
    Pair("Die Ausfuhr stieg um 12 Prozent.", "Im vergangenen Jahr stieg die Ausfuhr um 12 Prozent."),
    Pair("Der Turm ist 120 Meter hoch.", "Mit 120 Metern ist der Turm höher als der Dom."),
    Pair("Das Werk kostete 3,2 Milliarden Euro.", "Am Ende kostete das Werk 3,2 Milliarden Euro."),
    Pair(
        "Das Museum wurde am 4. Mai 1921 eröffnet.",
        "Am 4. Mai 1921 wurde das Museum vom Bürgermeister eröffnet.",
    ),
    Pair("Der Stoff könnte Krebs auslösen.", "Nach neuen Versuchen könnte der Stoff Krebs auslösen."),
    Pair("Die Zahl der Geburten sank.", "Die Zahl der Geburten ging im selben Jahr deutlich zurück und sank weiter."),
    Pair("Kein Schiff erreichte den Hafen.", "In jener Nacht erreichte kein Schiff den Hafen."),
    Pair("About half of the members voted against it.", "Half of the members voted against it, the others for it."),
    Pair("The road opened before the railway.", "The road was opened in 1950, four years before the railway."),
]

FALSE = [
    Pair("The drug lowers blood pressure.", "The drug does not lower blood pressure, the trial found.", "not"),
    Pair("The council approved the plan.", "The council never approved the plan for the new harbour.", "not"),
    Pair("The council did not approve the plan.", "The council approved the plan for the new harbour.", "not"),
    Pair("The lake is polluted.", "The lake is no longer polluted since the works were shut.", "not"),
    Pair("Ships reached the harbour that night.", "That night no ships reached the harbour.", "not"),
    Pair("The house was built with permission.", "The house was built without permission in 1980.", "not"),
    Pair("The committee found evidence of fraud.", "The committee found no evidence of fraud.", "not"),
    Pair("The substance is safe for children.", "The substance is unsafe for children under three.", "not"),
    Pair("The engine started.", "The engine failed to start on the morning of the race.", "not"),
    Pair("Exports rose by 12 percent.", "Exports fell by 12 percent in the year of the war.", "direction"),
    Pair("The catch of salmon increased after 1970.", "After 1970 the catch of salmon decreased.", "direction"),
    Pair("The tower is lower than the cathedral.", "The tower is higher than the cathedral.", "direction"),
    Pair("More people live there than in 1990.", "Fewer people live there than in 1990.", "direction"),
    Pair("The company won the case.", "The company lost the case before the highest court.", "direction"),
    Pair("The road opened after the railway.", "The road opened before the railway.", "direction"),
    Pair("At most 300 people were hurt.", "At least 300 people were hurt when the roof came down.", "direction"),
    Pair("The north bank is steep.", "The south bank is steep, and nothing grows on it.", "direction"),
    Pair("Coffee causes headaches.", "Coffee may cause headaches in some people.", "hedge"),
    Pair("The comet killed the dinosaurs.", "The comet possibly killed the dinosaurs.", "hedge"),
    Pair("The minister took bribes.", "The minister allegedly took bribes from two builders.", "hedge"),
    Pair("All members voted against it.", "Most members voted against it.", "scope"),
    Pair("The birds always return in March.", "The birds often return in March.", "scope"),
    Pair("The reactor cost 3.2 million euros.", "Building the reactor cost 3.2 billion euros.", "unit"),
    Pair("Unemployment fell by 2 percent.", "Unemployment fell by 2 percentage points.", "unit"),
    Pair("The plant delivers 240 kilowatts.", "The plant delivers 240 megawatts to the grid.", "unit"),
    Pair("The lake is 300 feet deep.", "The lake is 300 metres deep at its deepest place.", "unit"),
    Pair("Nine workers died in the flood.", "In the flood three workers died, and works stood still.", "number"),
    Pair("The museum opened on 5 April 1921.", "On 4 May 1921 the museum was opened by the mayor.", "date"),
    Pair(
        "The line opened on 7 March 1961.",
        "The line opened on 5 March 1961 and was closed on 7 May 1966.",
        "date",
    ),
    Pair(
        "The brewery was sold in 1842.",
        "The brewery was founded in 1842 and was sold in 1970.",
        "date",
    ),
    Pair("Die Ausfuhr stieg um 12 Prozent.", "Die Ausfuhr sank um 12 Prozent.", "direction"),
    Pair("Die Brücke wurde 1911 gebaut.", "Im Jahr 1911 wurde die Brücke noch nicht gebaut.", "not"),
    Pair("Ein Schiff erreichte den Hafen.", "In jener Nacht erreichte kein Schiff den Hafen.", "not"),
    Pair("Der Stoff löst Krebs aus.", "Der Stoff löst möglicherweise Krebs aus.", "hedge"),
    Pair("Das Werk kostete 3,2 Millionen Euro.", "Am Ende kostete das Werk 3,2 Milliarden Euro.", "unit"),
    Pair("The hawk chased the crow.", "The crow chased the hawk over the valley.", "who"),
    Pair("The mill closed because of the strike.", "The mill closed in the year of the strike.", "why"),
    Pair("The painting is in Vienna.", "The painting was in Vienna before the war.", "when"),
    Pair("The mayor built the museum.", "The mayor opened the museum that her rival built.", "who"),
    Pair("The report blames the pilots.", "The report blames the airline and clears the pilots.", "who"),
]

# Written after the rules of `studiolo.tasks.doing.proving` stood, to see what they do with what they were not made for:
# they found 7 of the 12 false ones, and no fault with a true one. Then “up”, “clean”, “exempt” were added.
LATER_TRUE = [
    Pair("The ferry has not run since 1998.", "Since 1998 there has been no ferry."),
    Pair("Rents in the old town went up by a tenth.", "In the old town rents went up by ten percent last year."),
    Pair(
        "Fewer than 40 pairs still breed on the island.", "Of the terns fewer than 40 pairs still breed on the island."
    ),
    Pair(
        "The glacier lost two metres of ice in 2003.",
        "In the summer of 2003 alone two metres of ice melted away from the glacier.",
    ),
    Pair("The law does not apply to farms.", "Farms are exempt: the law applies to factories and not to them."),
    Pair("It took the court three years to decide.", "The court decided after three years, in March 2009."),
    Pair("The archive was not harmed by the fire.", "The fire destroyed the roof but left the archive unharmed."),
    Pair("The line carries 1.4 million passengers a year.", "Each year the line carries 1,400,000 passengers."),
    Pair("Scientists think that the crater may be older.", "The crater may be older, scientists now think."),
    Pair("Der Fluss ist seit 1990 sauberer.", "Seit 1990 ist der Fluss sauberer geworden, sagt das Amt."),
    Pair("Die Kirche brannte 1756 ab.", "Im Jahr 1756 brannte die Kirche bis auf die Mauern ab."),
    Pair("The union rejected the offer.", "The union did not accept the offer and went on strike."),
]
LATER_FALSE = [
    Pair("The ferry has run since 1998.", "Since 1998 there has been no ferry.", "not"),
    Pair("Rents went up by ten percent.", "Rents went down by ten percent last year.", "direction"),
    Pair("More than 40 pairs breed on the island.", "Fewer than 40 pairs still breed on the island.", "direction"),
    Pair("The law applies to farms.", "Farms are exempt from the law.", "not"),
    Pair("The court decided after three months.", "The court decided after three years.", "unit"),
    Pair("The archive was harmed by the fire.", "The fire left the archive unharmed.", "not"),
    Pair("The line carries 1.4 billion passengers.", "The line carries 1.4 million passengers.", "unit"),
    Pair("The crater is older than the sea.", "Some think that the crater is perhaps older than the sea.", "hedge"),
    Pair("Der Fluss ist heute schmutziger.", "Seit 1990 ist der Fluss sauberer geworden.", "direction"),
    Pair("Die Kirche brannte 1765 ab.", "Im Jahr 1756 brannte die Kirche ab.", "number"),
    Pair("The union accepted the offer.", "The union refused the offer and went on strike.", "direction"),
    Pair("The mayor sued the paper.", "The paper sued the mayor over the letters.", "who"),
]
