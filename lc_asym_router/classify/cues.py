"""Words that say what kind of question a text is. Data, not code.

English only, chosen by hand. `RELATIONS` are those that tie quantities, times or conditions
together: a question with many of them asks for several dependent steps.
"""

from __future__ import annotations

CUES: dict[str, str] = {
    "condition": "if when unless assuming suppose assume given whenever whether otherwise provided",
    "sequence": "then after before first next finally later until once initially originally while "
    "during again",
    "comparison": "more less fewer greater larger smaller than older younger longer shorter taller "
    "higher lower faster slower bigger heavier as same equal",
    "quantifier": "any some most none only exactly least maximum minimum every always never must "
    "cannot",
    "total": "total altogether combined sum all entire whole overall together",
    "each": "each per every apiece both respectively either",
    "rest": "left remain remains remaining rest leftover still",
    "ratio": "twice thrice half halves third thirds quarter quarters fifth fourth double doubled "
    "triple tripled times percent percentage fraction ratio proportion rate average mean",
    "time": "hour hours minute minutes day days week weeks month months year years second seconds "
    "morning evening afternoon night today tomorrow yesterday daily weekly monthly yearly annual",
    "money": "dollar dollars cent cents cost costs price prices pay paid profit earn earns spend "
    "money discount tax interest sale salary wage",
    "unit": "cm km m kg g mg lb lbs ft feet foot inch inches mile miles meter meters gallon gallons "
    "liter liters pounds ounces mph degrees ml mol hz ev pa psi atm volts ohms watts joules "
    "newtons kelvin",
    "number_word": "one two three four five six seven eight nine ten eleven twelve twenty thirty "
    "forty fifty hundred thousand million dozen",
    "negation": "not no except never none without neither nor isn't doesn't don't cannot can't "
    "wasn't false incorrect",
    "solve": "find compute calculate determine evaluate solve simplify prove express estimate",
    "write": "write explain describe list create generate summarize translate implement rewrite "
    "design compare",
    "why": "why explain reason because cause causes caused",
    "how": "how",
    "what": "what",
    "which": "which",
    "who": "who whom whose where",
    "many": "many much",
    "person": "he she his him her they their them i my we our you your me us hers theirs",
    "maths": "polynomial integer integers group ring field matrix function prime triangle "
    "probability equation equations graph real positive digits digit vector theorem angle circle "
    "square root roots cube divisible divisor factor factors factorial permutation series converge "
    "continuous derivative integral finite infinite subset perpendicular parallel polygon radius "
    "perimeter area volume modulo remainder inequality coefficient logarithm sin cos tan",
    "science": "force energy mass velocity speed acceleration temperature pressure current voltage "
    "charge magnetic wave wavelength frequency photon electron momentum gravity gas thermal circuit "
    "lens friction density atom molar moles reaction acid solution compound molecule ion hydrogen "
    "carbon equilibrium concentration oxidation enthalpy",
    "life": "cell cells gene genes protein proteins species blood patient patients disease dna rna "
    "plant plants animal animals organism enzyme muscle brain nerve infection symptoms treatment "
    "drug hormone evolution tissue bacteria virus clinical diagnosis",
    "law": "law court plaintiff defendant contract statute liable liability trial jury evidence "
    "property buyer seller constitutional federal landowner crime murder sued negligence testimony",
    "society": "behavior theory social self psychologist therapist research study students "
    "emotional cognitive personality century war king president passage author political history "
    "empire moral argument philosopher ethics religion government revolution",
    "business": "market demand supply inflation economic income firm firms company consumer "
    "monopoly production investment capital trade bank labor stock shares product management "
    "marketing accounting",
    "leisure": "song movie film album singer actor band season episode show book novel series game "
    "team played won award released sang starred character tv",
    "code": "def return for while import class elif else len range append print int str lambda true "
    "python java code program algorithm database",
}

RELATIONS = ("condition", "sequence", "comparison", "quantifier", "total", "each", "rest")

GROUPS: dict[str, tuple[str, ...]] = {}
"""For each word the groups that it is in."""
for _group, _words in CUES.items():
    for _word in _words.split():
        GROUPS[_word] = (*GROUPS.get(_word, ()), _group)
