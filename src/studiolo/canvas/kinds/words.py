"""Words that carry more than a word's weight, in the languages that are met most: numbers, units, negations, modals,
and what joins or limits statements. A change of one is a change of what is claimed.

The lists need not be whole: what they miss is `wording`, which is never of low risk.
"""

from __future__ import annotations

import re

_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands million
millions billion billions trillion trillions dozen dozens score half halves third thirds quarter quarters once twice
thrice double triple first second fourth fifth sixth seventh eighth ninth tenth percent per cent pair couple
null ein eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn zwanzig dreißig vierzig fünfzig
sechzig siebzig achtzig neunzig hundert tausend million millionen milliarde milliarden dutzend halb hälfte viertel
drittel doppelt erste zweite dritte vierte prozent einmal zweimal
zéro deux trois quatre cinq sept huit neuf dix onze douze treize quatorze quinze seize vingt trente quarante
cinquante soixante cent cents mille million millions milliard milliards demi moitié tiers quart premier première
deuxième second seconde troisième pourcent double triple douzaine
cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince veinte treinta cuarenta
cincuenta sesenta setenta ochenta noventa cien ciento mil millón millones medio media mitad tercio cuarto primero
primera segundo segunda tercero doble docena
due tre quattro cinque sei sette otto nove dieci undici dodici venti trenta quaranta cinquanta cento mille mila
milione milioni miliardo mezzo metà terzo quarto primo prima doppio dozzina
dois duas três quatro sete oito nove dez onze doze vinte trinta quarenta cinquenta cem cento milhão milhões meio
metade dobro dúzia
een twee drie vijf zes zeven acht negen tien elf twaalf twintig honderd duizend miljoen miljard helft
ett två tre fyra fem sex sju åtta nio tio hundra tusen miljon hälften
jeden dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć sto tysiąc milion połowa
один одна одно два две три четыре пять шесть семь восемь девять десять двадцать тридцать сорок сто двести тысяча
тысячи тысяч миллион миллиона миллионов миллиард половина первый второй третий дважды
"""
_DATES = """
january february march april may june july august september october november december monday tuesday wednesday
thursday friday saturday sunday jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun today
tomorrow yesterday noon midnight morning evening weekday weekend spring summer autumn fall winter
second seconds minute minutes hour hours day days week weeks month months year years decade decades century
centuries annually daily weekly monthly yearly hourly
januar februar märz april mai juni juli august oktober dezember montag dienstag mittwoch donnerstag freitag samstag
sonntag heute morgen gestern sekunde sekunden minute minuten stunde stunden tag tage woche wochen monat monate jahr
jahre jahrhundert
janvier février mars avril juin juillet août septembre octobre novembre décembre lundi mardi mercredi jeudi vendredi
samedi dimanche hier demain aujourd'hui seconde minute heure heures jour jours semaine semaines mois ans année
années siècle
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes martes miércoles
jueves viernes sábado domingo ayer hoy mañana segundo minuto hora horas día días semana mes meses año años siglo
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre dicembre lunedì martedì mercoledì giovedì
venerdì sabato domenica ieri oggi domani ora ore giorno giorni settimana mese mesi anno anni secolo
января февраля марта апреля мая июня июля августа сентября октября ноября декабря понедельник вторник среда четверг
пятница суббота воскресенье вчера сегодня завтра час день дня дней неделя месяц год года лет век
"""
_UNITS = """
mm cm dm m km mi mile miles inch inches foot feet ft yard yards metre metres meter meters kilometre kilometres
kilometer kilometers nm µm mg g kg t ton tons tonne tonnes gram grams kilogram kilograms lb lbs pound pounds ounce
ounces oz ml cl l litre litres liter liters gallon gallons ms s sec min h hr hz khz mhz ghz w kw mw gw kwh v kv ma
pa kpa bar psi k c f degree degrees celsius fahrenheit kelvin bit bits byte bytes kb mb gb tb kib mib gib dollar
dollars euro euros cent penny pence yen yuan rouble roubles franc francs usd eur gbp chf jpy
""".replace(" c f ", " ")
_LOGIC = """
no not never none nothing nobody nowhere neither nor cannot without hardly barely scarcely rarely seldom few little
must should shall may might can could will would ought need dare
all every each any some many much most more less least fewer several both either only just merely even always often
sometimes usually ever almost nearly exactly approximately about at over under above below before after until since
except unless if though although because therefore but and or than before during while whether instead against for
true false yes left right up down in out on off to from with increase decrease rise fall gain loss buy sell import
export open closed shut start stop begin end enable disable allow forbid permit deny accept reject win lose won lost
alive dead guilty innocent maximum minimum max min best worst positive negative same different equal
nicht kein keine keinen keinem keiner keines nie niemals nichts niemand nirgends weder noch ohne kaum selten nein ja
muss müssen musste soll sollen sollte darf dürfen kann können könnte wird werden würde mag möchte
alle jeder jede jedes einige manche viele wenige mehr weniger meist meisten nur immer oft manchmal fast vor nach bis
seit außer wenn falls obwohl weil aber und oder als
ne n' pas jamais rien personne aucun aucune nul guère sans ni non oui plus moins
doit doivent devait devrait peut peuvent pourrait pouvait faut veut voudrait
tout tous toute toutes chaque quelques certains plusieurs beaucoup peu seulement toujours souvent parfois presque avant
après jusque depuis sauf si bien parce mais et ou que
nunca nada nadie ningún ninguno ninguna ni sin tampoco jamás sí
debe deben debería puede pueden podría
todo todos toda todas cada algunos algunas muchos pocos más menos solo sólo siempre casi antes después hasta desde
excepto aunque porque pero y o
mai niente nulla nessuno nessuna né senza sì deve devono dovrebbe può possono potrebbe tutti tutte ogni alcuni molti
pochi più meno solo sempre quasi prima dopo fino tranne se perché ma e o
não nem sem nenhum nenhuma ninguém sim pode podem poderia deve devem todos todas cada alguns muitos poucos mais menos
só sempre quase antes depois até exceto embora mas ou
niet geen nooit niets niemand zonder nee moet moeten mag mogen kan kunnen zou alle elke sommige veel weinig alleen
altijd bijna voor na tot sinds behalve als omdat maar en of
inte ej aldrig inget ingen inga utan nej måste bör kan får alla varje några många få bara alltid nästan före efter
ikke aldri ingen ingenting uten nei må skal kan alle hver noen mange få bare alltid før etter
nie nigdy nic nikt bez żaden musi może powinien wszyscy każdy tylko zawsze przed po
ne není nikdy nic nikdo bez žádný musí může všichni každý jen vždy před po
не нет никогда ничего никто нигде без ни нельзя должен должна должны может могут можно надо нужно все всё каждый
некоторые много мало только всегда иногда почти до после пока кроме если хотя потому но и или да
nem soha semmi senki nincs kell lehet ei en et emme ette eivät ole koskaan değil yok hayır asla
δεν μην ποτέ τίποτα κανείς χωρίς πρέπει μπορεί όλοι κάθε μόνο πάντα
"""
# Words that are one slip of the finger from each other, and both are words.
_CONFUSED = """
causal casual martial marital united untied sacred scared trial trail diary dairy quite quiet desert dessert loose
lose choose chose planed planned hoping hopping later latter diner dinner super supper coma comma tinny tiny filing
filling taping tapping staring starring scraping scrapping silver sliver angel angle perfect prefect board broad could
cloud being begin bared barred caned canned robed robbed griped gripped striped stripped sloped slopped moped mopped
rated ratted pined pinned winning wining biter bitter holy holly fury furry baring barring carrot carat medal meddle
except expect decent descent statue status principal principle rouge rogue reserve reverse crate carte salve slave
lair liar unclear nuclear dialed dialled silted slited exited excited adapt adopt
"""

NUMBERS = frozenset((_NUMBERS + _DATES + _UNITS).split())
LOGIC = frozenset(_LOGIC.split())

# Words of these lists that mostly say something else. They count where nothing but such words changes: "first" for
# "second", "in" for "out".
_OFTEN_ELSE = """
one once first second third half quarter pair couple double score may march fall spring sun sat mar day days morning
evening minute minutes hour hours foot feet today tomorrow yesterday uno once medio media prima primo primera primero
premier première segundo segunda seconda heute morgen gestern hier demain ora ore hora tag tage jour jours día dia
at in on to from out off up down with about over under above below and but or than even just often sometimes usually
ever almost nearly some any many much more less most few little several while against for left right start stop begin
end open close closed shut y e o et ou und oder aber mais tout toute pero ma que som och en of
"""
_PAIRS = frozenset(_CONFUSED.split())
OFTEN_ELSE = frozenset(_OFTEN_ELSE.split())

_JOINED = ("zweiund", "twenty", "hundert")
_DENIED = re.compile(r".n['’]t$|^n['’]")
_ELIDED = re.compile(r"^(?:n|qu|jusqu|lorsqu|puisqu)['’]")


def says_a_number(word: str) -> bool:
    """Whether a word is a number, a date or a unit, and seldom anything else."""
    low = word.casefold()
    joined = low.startswith(_JOINED) and low not in _JOINED
    return joined or (low in NUMBERS and low not in OFTEN_ELSE)


def weighs(word: str) -> bool:
    """Whether a word denies, allows, limits or joins what is said, and seldom does anything else."""
    low = word.casefold().replace("’", "'")
    return (low in LOGIC and low not in OFTEN_ELSE) or bool(_DENIED.search(low) or _ELIDED.match(low))


def one_for_another(removed: list[str], added: list[str], listed: frozenset[str]) -> bool:
    """Whether one word of a list gives way to another, or nothing changes but such words."""
    gone, come = (any(word.casefold() in listed for word in words) for words in (removed, added))
    return (gone and come) or ((gone or come) and all(word.casefold() in listed for word in removed + added))


def affixed(one: str, other: str) -> bool:
    """Whether one word is the other with something put before it ("legal", "illegal"), or ends in -less or -free: the
    commonest way to say the opposite with few letters."""
    short, long = sorted((one.casefold(), other.casefold()), key=len)
    if len(short) >= 3 and long != short and long.endswith(short):
        return True
    if any(
        (one.casefold().endswith(end)) != (other.casefold().endswith(end)) for end in ("less", "free", "los", "ful")
    ):
        return True
    heads = ("hypo", "hyper", "in", "ex", "pre", "post", "pro", "anti", "over", "under", "up", "down", "ante", "inter",
             "intra", "macro", "micro", "mono", "poly", "super", "sub", "endo", "exo")  # fmt: skip
    taken = [next((head for head in heads if word.startswith(head)), "") for word in (short, long)]
    return taken[0] != taken[1] and short[len(taken[0]) :] == long[len(taken[1]) :]


def confused(one: str, other: str) -> bool:
    """Whether two near words are both known to be words."""
    return one.casefold() in _PAIRS and other.casefold() in _PAIRS
