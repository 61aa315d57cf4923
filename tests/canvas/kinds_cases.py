"""Changes with what a careful reader says of them: the kind that must be seen, and the least risk it may be given.

`{{was=>now}}` stands in its surroundings. `known` are words that stand elsewhere in the work; `kind` and `title` are
the page's. The labels were made by reading, not by running: `low` is only what no reader would mind.
"""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    text: str
    kind: str
    risk: str
    known: str = ""
    page: str = "prose"
    title: str = ""


# -- setting: nobody reads anything else in it
TYPOGRAPHY = [
    Case('He said {{"no"=>“no”}} and left.', "typography", "low"),
    Case('He said "no{{"=>”}} and left.', "typography", "low"),
    Case("{{'Come,'=>‘Come,’}} she said.", "typography", "low"),
    Case("It wasn{{'=>’}}t hers.", "typography", "low"),
    Case("{{It wasn't=>It wasn’t}} hers.", "typography", "low"),
    Case("The sailors{{'=>’}} songs went on.", "typography", "low"),
    Case("He waited{{...=>…}} and left.", "typography", "low"),
    Case("He waited {{. . .=>…}} and left.", "typography", "low"),
    Case("The sea {{--=>—}} grey and wide.", "typography", "low"),
    Case("The sea{{--=>—}}grey and wide.", "typography", "low"),
    Case("The sea{{ - => – }}grey and wide.", "typography", "low"),
    Case("The sea{{ – =>—}}grey and wide.", "typography", "low"),
    Case("The dog barked.{{  => }}Then it slept.", "typography", "low"),
    Case("The  {{ => }}dog barked.", "typography", "low"),
    Case("The dog barked. {{it=>It}} slept then.", "typography", "low"),
    Case("Was it there? {{nobody=>Nobody}} knew.", "typography", "low"),
    Case('„Nein{{"=>“}} sagte er.', "typography", "low"),
    Case('Er sagte: {{"Nein"=>„Nein“}} und ging.', "typography", "low"),
    Case("Er sagte: {{„Nein“=>»Nein«}} und ging.", "typography", "low"),
    Case('Elle dit : {{"Non"=>« Non »}} et partit.', "typography", "low"),
    Case("Elle dit : {{« Non »=>«\u00a0Non\u00a0»}} et partit.", "typography", "low"),
    Case("Quelle nuit{{ !=>\u202f!}} La mer montait.", "typography", "low"),
    Case("Quelle nuit{{!=> !}} La mer montait.", "typography", "low"),
    Case("{{L'homme=>L’homme}} attendait.", "typography", "low"),
    Case("{{Quest'uomo=>Quest’uomo}} dorme.", "typography", "low"),
    Case("El mar{{...=>…}} y nada.", "typography", "low"),
    Case('Он сказал: {{"Нет"=>«Нет»}} и ушёл.', "typography", "low"),
    Case("Море{{ - => — }}серое и широкое.", "typography", "low"),
    Case('Hij zei {{"nee"=>“nee”}} en ging.', "typography", "low"),
    Case('Han sa {{"nej"=>”nej”}} och gick.', "typography", "low"),
    Case("The house of Mr.{{ =>\u00a0}}Brown stood dark.", "typography", "low"),
    Case("A well{{\u00a0=> }}of water.", "typography", "low"),
    Case("def f(a,b):\n    return a{{+=> + }}b\n", "typography", "low", "", "code", "sum.py"),
    Case("x = {{'a'=>\"a\"}}\n", "typography", "low", "", "code", "a.py"),
    Case("x = 1{{\n\n\n=>\n\n}}y = 2\n", "typography", "low", "", "code", "a.py"),
    Case("x = {{(1 + 2)=>1 + 2}}\n", "typography", "low", "", "code", "a.py"),
    Case("f(a, b{{=>,}})\n", "typography", "low", "", "code", "a.py"),
]

# -- punctuation and emphasis: mostly setting, and sometimes not
POINTING = [
    Case("Let's eat{{=>,}} Grandma.", "typography", "medium"),
    Case("The panda eats{{,=>}} shoots and leaves.", "typography", "medium"),
    Case("It rained{{,=>;}} we stayed.", "typography", "medium"),
    Case("It rained{{. We=>, we}} stayed.", "typography", "medium"),
    Case("She is {{fine=>*fine*}} now.", "typography", "medium"),
    Case("It is true{{.=>?}}", "wording", "medium"),
    Case("It is true{{.=>!}}", "wording", "medium"),
    Case("He left{{=> (alone)}}.", "insertion", "medium"),
    Case("The man who came{{ =>, }}laughed.", "typography", "medium"),
    Case("Wir essen{{=>,}} Opa.", "typography", "medium"),
    Case("Казнить{{=>,}} нельзя помиловать.", "typography", "medium"),
    Case("He stopped{{.=>…}} Then he went.", "wording", "medium"),
]

# -- spelling, where the work itself shows the right form
SPELLING = [
    Case("You will {{recieve=>receive}} it.", "spelling", "medium", "receive"),
    Case("The {{harbbour=>harbour}} was still.", "spelling", "medium", "harbour"),
    Case("They {{acommodate=>accommodate}} us.", "spelling", "medium", "accommodate"),
    Case("Die {{Haffen=>Häfen}} schliefen.", "wording", "medium", "Häfen"),
    Case("Das {{wietere=>weitere}} Boot kam.", "spelling", "medium", "weitere"),
    Case("Le {{bateaau=>bateau}} dort.", "spelling", "medium", "bateau"),
    Case("El barco {{navegga=>navega}} lento.", "spelling", "medium", "navega"),
    Case("Старый {{каррабль=>карабль}} плыл.", "spelling", "medium", "карабль"),
    Case("You will {{recieve=>receive}} it.", "wording", "medium"),  # nothing shows which is right
    Case("It was a {{causal=>casual}} remark.", "wording", "medium", "casual"),
    Case("The {{trial=>trail}} was long.", "wording", "medium", "trail"),
    Case("They were {{united=>untied}} at last.", "wording", "medium", "untied"),
    Case("He had {{hypotension=>hypertension}}.", "wording", "medium", "hypertension"),
    Case("The salt is a {{chlorite=>chloride}}.", "wording", "medium", "chloride"),
    Case("He wrote {{from=>form}} there.", "wording", "medium", "form"),
    Case("El {{pero=>perro}} duerme.", "wording", "medium", "perro"),
    Case("Está {{casado=>cansado}} hoy.", "wording", "medium", "cansado"),
    Case("{{Marten=>Martin}} came home.", "name", "high", "Martin"),
    Case("She {{walked=>walks}} home.", "wording", "medium", "walks"),
    Case("The {{desert=>dessert}} was dry.", "wording", "medium", "dessert"),
]

# -- words
WORDING = [
    Case("The {{dog=>cat}} barked.", "wording", "medium"),
    Case("The {{big=>large}} house.", "wording", "medium"),
    Case("He {{killed=>kissed}} her.", "wording", "medium"),
    Case("She {{said=>whispered}} nothing of it.", "wording", "medium"),
    Case("Le {{chien=>chat}} dort.", "wording", "medium"),
    Case("Der {{kleine=>winzige}} Hund bellt.", "wording", "medium"),
    Case("El {{viejo=>anciano}} pescador.", "wording", "medium"),
    Case("{{He was a man who had seen much of the sea=>An old sailor spoke softly}} there.", "wording", "high"),
    Case("The {{its=>it's}} raining.", "wording", "medium", "it's its"),
    Case("{{its=>it’s}} raining", "wording", "medium"),
    Case("We {{were=>we're}} late.", "wording", "medium", "we're"),
    Case("The {{dogs'=>dog's}} bowls.", "wording", "medium"),
    Case("A {{well-known=>well known}} man.", "wording", "medium"),
    Case("Please {{re-sign=>resign}} it.", "wording", "high"),
    Case("He is {{legal=>illegal}} there.", "wording", "high"),
    Case("He was {{happy=>unhappy}} there.", "wording", "high"),
    Case("A {{careful=>careless}} man.", "wording", "high"),
    Case("It is {{possible=>impossible}}.", "wording", "high", "impossible"),
    Case("This is {{sense=>nonsense}}.", "wording", "high"),
    Case("La {{polish=>Polish}} flag.", "name", "high"),
    Case("sie kommen mit {{ihnen=>Ihnen}} heute", "name", "high"),
]

# -- what turns a statement
TURNING = [
    Case("He did {{=>not }}go.", "insertion", "high"),
    Case("He did {{not =>}}go.", "deletion", "high"),
    Case("He {{can=>can't}} go.", "wording", "high"),
    Case("He {{can't=>can}} go.", "wording", "high"),
    Case("It {{is=>isn’t}} so.", "wording", "high"),
    Case("Il {{vient=>ne vient pas}} ici.", "wording", "high"),
    Case("Er kommt {{=>nicht }}mit.", "insertion", "high"),
    Case("Das ist {{ein=>kein}} Boot.", "wording", "high"),
    Case("No {{=>nunca }}vino.", "insertion", "high"),
    Case("Он {{=>не }}пришёл.", "insertion", "high"),
    Case("You {{may=>must}} leave.", "wording", "high"),
    Case("You {{should=>could}} leave.", "wording", "high"),
    Case("{{Some=>All}} ships sank.", "wording", "high"),
    Case("He came {{before=>after}} her.", "wording", "high"),
    Case("{{=>Only }}Anna saw it.", "insertion", "high"),
    Case("Tea {{and=>or}} milk.", "wording", "high"),
    Case("He was {{guilty=>innocent}}.", "wording", "high"),
    Case("They {{now=>not}} know it.", "wording", "high", "not"),
    Case("The {{now=>no}} end.", "wording", "high"),
]

# -- numbers, dates, units, money
NUMBERS = [
    Case("It cost {{1,000=>1.000}} then.", "number", "high"),
    Case("It cost {{1.000=>1,000}} then.", "number", "high"),
    Case("It cost 1{{,=>.}}000 then.", "number", "high"),
    Case("It is {{3.14=>31.4}} wide.", "number", "high"),
    Case("It cost {{$5=>$50}}.", "number", "high"),
    Case("It cost $5{{=>0}}.", "number", "high"),
    Case("It cost {{$=>€}}5.", "number", "high"),
    Case("It cost {{5=>５}} coins.", "number", "high"),
    Case("It took {{three=>thirty}} days.", "number", "high"),
    Case("Es dauerte {{drei=>dreizehn}} Tage.", "number", "high"),
    Case("Il y a {{deux=>douze}} ans.", "number", "high"),
    Case("Hace {{dos=>doce}} años.", "number", "high"),
    Case("Прошло {{два=>три}} года.", "number", "high"),
    Case("He came on {{Monday=>Tuesday}}.", "number", "high", "Monday Tuesday"),
    Case("In {{May=>March}} it rained.", "number", "high", "May March"),
    Case("It weighs 5 {{kg=>mg}}.", "number", "high"),
    Case("It weighs 5{{kg=>mg}}.", "number", "high"),
    Case("It is {{-5=>–5}} degrees.", "number", "high"),
    Case("It is {{-=>}}5 degrees.", "number", "high"),
    Case("pages 5{{-=>–}}7", "number", "medium"),
    Case("It rose {{about=>over}} 5 percent.", "number", "high"),
    Case("Some {{million=>billion}} people.", "number", "high", "billion"),
    Case("It grew by 5{{%=>‰}}.", "number", "high"),
    Case("In 1{{ =>}}000 years.", "number", "high"),
    Case("It is 6{{\"=>'}} long.", "number", "high"),
    Case('It is 6{{"=>”}} long.', "number", "high"),
    Case("A {{½=>¼}} cup.", "number", "high"),
    Case("Chapter {{Ⅶ=>Ⅷ}} begins.", "number", "high"),
    Case("共有{{三=>五}}个人。", "number", "high"),
    Case("At {{10:30=>10.30}} they met.", "number", "high"),
    Case("In 1912 the ship {{left=>reached}} port.", "wording", "high"),
    Case("{{Twice=>Once}} he called.", "number", "high"),
    Case("{{Revenue rose=>Revenue rose by 12 percent}} there.", "number", "high"),
    Case("See chapter {{2=>3}} for it.", "number", "high"),
    Case("x{{²=>³}} + y", "number", "high"),
    Case("version {{1.10=>1.1}} is out", "number", "high"),
]

# -- names
NAMES = [
    Case("Then {{Anna=>Maria}} left.", "name", "high", "Anna Maria"),
    Case("Then {{she=>Maria}} left.", "name", "high"),
    Case("{{Anna=>Maria}} left.", "name", "high"),
    Case("They saw {{=>old Kovacs and }}the sea.", "name", "high"),
    Case("In {{Paris=>Lyon}} it rained.", "name", "high", "Paris Lyon"),
    Case("The {{ai=>AI}} spoke.", "name", "high"),
    Case("The {{AI=>Al}} spoke.", "name", "high", "AI"),
    Case("He met {{us=>US}} agents.", "name", "high"),
    Case("Она видела {{Анну=>Марию}} там.", "name", "high"),
    Case("Mr. {{brown=>Brown}} slept.", "name", "high"),
    Case("They {{will=>Will}} come.", "name", "high"),
    Case("A {{turkey=>Turkey}} sale.", "name", "high"),
]

# -- what somebody says
DIALOGUE = [
    Case("“I like the {{dog=>cat}},” she said.", "dialogue", "medium"),
    Case('"I like the {{dog=>cat}}," she said.', "dialogue", "medium"),
    Case("‘I like the {{dog=>cat}},’ she said.", "dialogue", "medium"),
    Case("„Ich mag den {{Baum=>Bach}}“, sagte sie.", "dialogue", "medium", "Baum Bach baum bach"),
    Case("»Ich sehe den {{alten=>kleinen}} Mann«, sagte sie.", "dialogue", "medium"),
    Case("« J'aime le {{chien=>chat}} », dit-elle.", "dialogue", "medium"),
    Case("— J'aime le {{chien=>chat}}, dit-elle.", "dialogue", "medium"),
    Case("—Me gusta el {{perro=>gato}} —dijo.", "dialogue", "medium"),
    Case("– Я люблю {{море=>небо}}, – сказал он.", "dialogue", "medium"),
    Case("”Jag ser {{båten=>huset}}”, sa hon.", "dialogue", "medium"),
    Case("「{{猫=>犬}}が好き」と言った。", "dialogue", "high"),
    Case("She said {{it was over=>“it was over”}}.", "dialogue", "high"),
    Case("“Go,” he said. {{“Now.”=>Now.}}", "dialogue", "high"),
    Case("“It is late. {{“=>}}And I am {{tired=>weary}}.”".replace("{{“=>}}", ""), "dialogue", "medium"),
]

# -- structure
STRUCTURE = [
    Case("One day.{{ =>\n\n}}Then night.", "structure", "medium"),
    Case("One day.{{\n\n=> }}Then night.", "structure", "medium"),
    Case("Text.\n\n{{# =>## }}Head\n\nMore.", "structure", "medium"),
    Case("Text.\n\n{{=>## }}Head\n\nMore.", "structure", "medium"),
    Case("Text.\n\n{{- =>* }}item\n\nMore.", "structure", "medium"),
    Case("Text.\n\n# The {{old=>grey}} sea\n\nMore.", "structure", "medium"),
    Case("Start. {{She rose. He slept.=>He slept. She rose.}} End.", "structure", "medium"),
    Case("Roses are red{{\n=> }}violets are blue", "structure", "medium"),
    Case("Text.\n\n{{=>> }}He wrote this.\n\nMore.", "structure", "medium"),
    Case("Text.\n\n{{=>---\n\n}}More.", "structure", "medium"),
    Case("{{- =>— }}I am here, she said.", "structure", "medium"),
]

# -- put in and taken out
MORE_AND_LESS = [
    Case("The {{=>grey }}sea.", "insertion", "medium"),
    Case("The {{grey =>}}sea.", "deletion", "medium"),
    Case("The sea. {{=>It had been waiting for them since the world began.}} End.", "insertion", "high"),
    Case("The sea. {{It had been waiting for them a long while. =>}}End.", "deletion", "high"),
    Case("The sea{{=> was very cold there}}.", "insertion", "high"),
    Case("Le {{=>vieux }}chien dort.", "insertion", "medium"),
]

# -- links, addresses, tags, code in prose
MACHINES = [
    Case("See [this](http://a.{{b=>c}}/d) now.", "wording", "high"),
    Case("See [this]({{http=>https}}://a.b/d) now.", "wording", "high"),
    Case("See {{this=>[this](http://evil.example)}} now.", "wording", "high"),
    Case("See http://a.b/c{{-=>–}}d now.", "wording", "high"),
    Case("Run `a {{--=>—}}b` now.", "code", "high"),
    Case('Run `print({{"a"=>“a”}})` now.', "code", "high"),
    Case('An <a href={{"x"=>“x”}}>link</a>.', "wording", "high"),
    Case("Write to ann{{=>e}}@example.org now.", "wording", "high"),
    Case("Use git {{--force=>—force}} here.", "wording", "high"),
    Case("Then $a {{-=>–}} b$ holds.", "wording", "high"),
    Case("A note[^{{1=>2}}] here.", "number", "high"),
    Case("See {{example.com=>examp1e.com}} now.", "number", "high"),
    Case("{{<b>=>}}bold</b>", "wording", "high"),
]

# -- code
CODE = [
    Case("x = {{1=>2}}\n", "code", "high", "", "code", "a.py"),
    Case("if a {{<=><=}} b:\n    pass\n", "code", "high", "", "code", "a.py"),
    Case("if a:\n    b()\n{{=>    }}c()\n", "code", "high", "", "code", "a.py"),
    Case('def f():\n    "{{Old=>New}} words."\n', "code", "high", "", "code", "a.py"),
    Case("x = 1  # {{the old one=>a new one}}\n", "wording", "medium", "", "code", "a.py"),
    Case("x = 1  {{# noqa=>#}}\n", "code", "high", "", "code", "a.py"),
    Case("x = 1  # takes {{5=>50}} seconds\n", "number", "high", "", "code", "a.py"),
    Case("let x = {{1=>2}};\n", "code", "high", "", "code", "a.js"),
    Case("let x{{ = =>=}}1;\n", "code", "medium", "", "code", "a.js"),
    Case("return{{ =>\n}}x;\n", "code", "medium", "", "code", "a.js"),
    Case("x = {{'a'=>‘a’}}\n", "code", "high", "", "code", "a.py"),
    Case("a: {{yes=>no}}\n", "code", "high", "", "code", "a.yaml"),
    Case("pаge = 1\nprint({{page=>pаge}})\n", "code", "high", "", "code", "a.py"),
    Case("a,{{b=>c}}\n1,2\n", "wording", "high", "", "data", "t.csv"),
    Case("a,b\n1,{{2=>3}}\n", "number", "high", "", "data", "t.csv"),
]

# -- what cannot be seen, or looks like something else
HIDDEN = [
    Case("A {{page=>раge}} here.", "wording", "high"),  # Cyrillic р and а
    Case("A {{page=>pa\u200dge}} here.", "wording", "high"),
    Case("A page{{=>\u200b}} here.", "wording", "high"),
    Case("A page{{=>\u00ad}} here.", "wording", "high"),
    Case("A {{page=>\u202epage\u202c}} here.", "wording", "high"),
    Case("A page{{ =>\u3000}}here.", "wording", "high"),
    Case("A {{page=>ｐａｇｅ}} here.", "wording", "high"),
    Case("A {{page=>𝐩𝐚𝐠𝐞}} here.", "wording", "high"),
    Case("A {{big=>bıg}} page.", "wording", "high"),
    Case("A {{gate=>ɡate}} here.", "wording", "high"),
    Case('He said {{"no"=>“no”\u200b}} and left.', "wording", "high"),
    Case("He waited{{...=>…\u2060}} there.", "wording", "high"),
    Case("A {{page=>рора}} here.", "wording", "high"),  # all Cyrillic
    Case("A page.{{=>\ufe0f}} Here.", "wording", "high"),
    Case("A page{{=>\ufeff}} here.", "wording", "high"),
    Case("A page.{{=>\u2028}}Here.", "wording", "high"),
    Case("He {{did=>d\u0456d}} go.", "wording", "high"),
]

# -- what is said otherwise in a story, and is no fact: were all of this high, high would say nothing
TELLING = [
    Case("The keeper climbed the stairs {{slowly=>one at a time}}.", "wording", "medium"),
    Case("The keeper {{climbed=>took}} the stairs slowly.", "wording", "medium"),
    Case("She {{spoke=>spoke to him}} softly.", "insertion", "medium"),
    Case("The wind {{came up cold from the sea=>was rising}} at dusk.", "wording", "medium"),
    Case("Il parla {{doucement=>tout bas}} d’elle.", "wording", "medium"),
    Case("Das Meer lag {{ruhig da=>still und grau}} wie Glas.", "wording", "medium"),
]

# -- and what is one, though it is said with the same small words
SMALL_WORDS = [
    Case("He was the {{first man=>second woman}} there.", "number", "high"),
    Case("It was the {{first=>second}} of them.", "number", "high"),
    Case("He went {{in=>out}}.", "wording", "high"),
    Case("He {{had=>had always}} known.", "insertion", "high"),
    Case("Tea {{with=>without}} milk.", "wording", "high"),
]

CASES = [
    *TYPOGRAPHY, *POINTING, *SPELLING, *WORDING, *TURNING, *NUMBERS, *NAMES, *DIALOGUE, *STRUCTURE, *MORE_AND_LESS,
    *MACHINES, *CODE, *HIDDEN, *TELLING, *SMALL_WORDS,
]  # fmt: skip
