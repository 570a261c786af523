"""English words that distinguish a task from data, and a self-contained task from one that refers back.

Every pattern takes time linear in the text's length: runs that could be divided in several ways are
possessive (`*+`), and what may occur anywhere begins with a letter.
"""

from __future__ import annotations

import re

from lc_asym_router._internal.imports import word_set

_ASKING = (
    "analyze analyse answer calculate categorize classify compare complete compose compute convert "
    "correct count debug define derive describe determine draft estimate evaluate explain extract "
    "factor generate give identify implement list name outline paraphrase predict prove provide "
    "recommend rephrase review rewrite say show simplify sketch solve spell state suggest summarize "
    "summarise tell translate write"
)
"""What is asked of who answers, and hardly noted down for somebody else to do."""
_DOING = (
    "add build check choose create design divide do edit find fix format group improve make multiply "
    "optimize optimise order pick plan polish proofread propose rank read refactor research reverse "
    "select sort subtract sum teach test"
)
_VERBS = "|".join([*_ASKING.split(), *_DOING.split()])
_LEAD = (
    r"(?:(?:please|now|also|and|first|firstly|second|secondly|third|next|then|finally|lastly|"
    r"(?:can|could|would|will)\s++you)\b[,:]?\s*+)*+"
)
_WRAPS = r"^[\s*_#\-]*+"

IMPERATIVE = re.compile(rf"{_WRAPS}{_LEAD}(?P<verb>{_VERBS})\b", re.I)
"""A sentence that says what to do."""
ASKING = re.compile(rf"{_WRAPS}{_LEAD}(?:{'|'.join(_ASKING.split())})\b", re.I)
"""One that says it to who answers: "Explain ...", not "Fix ..."."""
BARE = re.compile(
    rf"{_WRAPS}(?:please\s++)?(?!(?:do|can|could)\b)(?:{_VERBS})\b",
    re.I,
)
"""An order that is no question: a question mark behind it is of a text that is given."""
LEAD = re.compile(rf"^\s*+{_LEAD}", re.I)
"""What stands before the order: "Please", "First,"."""
WORKING = re.compile(
    r"^(?:translate|proofread|rewrite|rephrase|paraphrase|correct|edit|fix|improve|polish|summari[sz]e|"
    r"classify|categorize|format|review|check|convert|analy[sz]e|extract|reverse|simplify|debug|"
    r"refactor|evaluate|complete|answer|read|count)\b",
    re.I,
)
"""Work on a text, which may stand behind it without a quote's marks."""

_MANY = r"(?:following|these|few|some|several|two|three|four|five|six|seven|eight|nine|ten|\d{1,3})"
_TASK = r"(?:questions|tasks|problems|exercises|things|requests)"
_VERB = (
    r"(?:answer|solve|do|complete|handle|address|(?:respond|reply)\s+to|work\s+(?:on|through)|"
    r"help(?:\s+me)?(?:\s+with)?)"
)
_ITEMS = (
    rf"(?:(?:each|every|all)\s+(?:one\s+)?(?:of\s+)?)?(?:(?:the|these|those|my|all)\s+){{0,2}}"
    rf"(?:{_MANY}\s+){{0,2}}(?:(?:short|simple|quick|different|separate|independent|unrelated)\s+){{0,2}}"
    rf"(?:{_TASK}|items|following|these|this|below)(?:\s+below)?"
)
_STOP = r"\s*+[.:!]*+[*_]*+\s*+$"
HEADING = re.compile(
    rf"{_WRAPS}(?:{_TASK}|to\s*do|(?:i\s+have|here\s+are|i've\s+got)\s+(?:a\s+|my\s+|the\s+)?"
    rf"(?:{_MANY}\s+){{0,2}}{_TASK}(?:\s+for\s+you)?){_STOP}",
    re.I,
)
"""A name for what follows: whose tasks they are is not said."""
TASKS = re.compile(rf"\b{_TASK}\b", re.I)
"""Words that call the items tasks."""
BARE_ANNOUNCEMENT = re.compile(
    rf"{_WRAPS}{_LEAD}(?:{_VERB}\s+{_ITEMS}(?:\s+for\s+me)?(?:[,]?\s+please)?"
    rf"|{_VERB}){_STOP}",
    re.I,
)
"""A sentence that says no more than: here come tasks."""
DOING = re.compile(
    rf"{_WRAPS}{_LEAD}(?:complete|address|respond|reply)\b(?!.*\b(?:questions|tasks|exercises)\b)",
    re.I,
)
"""One that says what is to be done with the items: "Complete these:"."""
ANNOUNCEMENT = re.compile(
    rf"{_WRAPS}{_LEAD}{_VERB}\s+{_ITEMS}\s+(?:in|about|for|without|using|with\s+(?:yes|short|brief|a\s+(?:word|number|short|brief)))\b",
    re.I,
)
"""One that says more, which goes for each of them."""
GREETING = re.compile(r"^\s*(?:hi|hello|hey)(?:\s+\w+)?\s*+[,.!]*+\s*+$", re.I)
"""What may be dropped."""
DATA = re.compile(
    r"\b(?:following|below|here|text|texts|e-?mail|mail|message|review|dialog|dialogue|conversation|"
    r"transcript|interview|survey|sentences?|paragraphs?|questions?|articles?|headlines?|titles?|faq|"
    r"chat|notes?|quotes?|said|asked|says|asks|this|these|tasks?|list|features?|requirements?)\b",
    re.I,
)
"""What follows may be given, not asked."""
STATEMENT = re.compile(
    r"^\s*(?:(?:the|an?|i|my|we|our|there|he|she|they|every|let|suppose|assume|given|consider|imagine|"
    r"if|in|on|at|it|one|two|three|\d+)\b|\S+(?:\s+\S+){0,3}?\s+(?:is|are|was|were|has|have|had|will|can)\b)",
    re.I,
)
"""A sentence that tells something."""
GIVEN = re.compile(r"^\s*(?:let|suppose|assume|given|consider|imagine)\b", re.I)
"""One that gives what the tasks are about."""
TOGETHER = re.compile(
    r"\b(?:compare|rank|ranking|sort|order|groups?|choose|pick|select|combine|merge|which|best|most|"
    r"among|between|common|relate|other|others|together|overall|total|whole|next|previous|before|after|"
    r"unique|number|running|sum|average|mean|percentage|difference|share|relative|equal|single|summary|"
    r"paragraph|rest|first|last|any|hardest|easiest|\w{3,}est|one of|only one|"
    r"schedule|priority|compared|against|poem|song|limerick|letter|"
    r"e-?mail|speech|favou?rite|add up|so that|columns?|fields?|class|process|"
    r"repeat\w*|different|distinct|once|twice)\b",
    re.I,
)
"""The items can't be taken one by one."""
NAMING = re.compile(r"^\W*\w+:(?=\s)")
"""A name and a value, where the name only looks like a verb: "State: Ohio"."""
WHOLE_FORMAT = re.compile(
    r"\b(?:json|csv|yaml|xml|html|table|array|dictionary|essay|story)\b", re.I
)
"""The answer as a whole has a form that answers under their questions would break."""
_LANGUAGE = (
    r"(?:plain\s+|simple\s+)?(?:english|german|french|spanish|italian|portuguese|dutch|russian|polish|"
    r"japanese|chinese|korean|arabic|hindi|turkish|swedish)"
)
_ANSWERS = r"(?:it|them|all|everything|(?:(?:the|your|all|each|every)\s+)+answers?)"
STYLE = re.compile(
    r"^\s*(?:please\s+|and\s+)*+(?:(?:answer|reply|respond)(?:\s+(?:all|each|them|please|very)){0,2}\s+"
    rf"(?:briefly|shortly|concisely|precisely|in\s+(?:(?:one|a|a\s+single|two)\s+words?|{_LANGUAGE})"
    r"|(?:with\s+)?(?:yes\s+or\s+no|(?:one|a|a\s+single)\s+word)|as\s+\w+\s+as\s+possible)"
    rf"|keep\s+{_ANSWERS}\s+(?:very\s+)?(?:short|brief|concise|simple)"
    r"|be\s+(?:very\s+)?(?:brief|short|concise|precise|polite)"
    r"|use\s+(?:the\s+)?(?:metric|imperial|si)\b"
    r"|no\s+(?:explanations?|preamble|markdown|fluff)|(?:do\s+not|don't)\s+(?:explain|use)"
    rf"|thanks|thank\s+you|in\s+(?:(?:one|two|a)\s+words?|{_LANGUAGE})"
    r"|(?:(?:just|only)\s+)?(?:give\s+)?(?:me\s+)?(?:just\s+|only\s+)?the\s+(?:final\s+)?answers?"
    r"|briefly|(?:give\s+)?(?:short|brief)\s+answers"
    rf"|write\s+(?:all|each|every|your)\s+answers?\s+in\s+{_LANGUAGE})\b",
    re.I,
)
"""A remark on how to answer, which goes for each part."""
REMARK = re.compile(
    r"^\s*(?:please\s+|and\s+)*+(?:answer|reply|respond|keep|be\s|use|no\s|do not|don't|thanks"
    r"|thank you|in (?:one|two|a|english|german|french|spanish)"
    r"|one (?:word|sentence|line)|just|only|briefly|short"
    r"|write (?:each|every|all|your|in)|give (?:each|every|only|just|short|brief|me (?:only|just)))",
    re.I,
)
"""What may be such a remark, or something else that is to be done."""
FILLERS = re.compile(
    r"^\s*(?:hi|hello|hey)\b|^\s*how are you|^\s*(?:can|could|would|will) you (?:please )?help"
    r"|^\s*(?:ok|okay|right|ready|got it|understood|agreed|correct|yes|no|please|thanks|"
    r"thank you)\s*[?!.]",
    re.I,
)
"""A sentence that asks for nothing."""

ENGLISH = word_set(
    "the of is are what how which who when where why does did can could would should were with and to "
    "you if have many much given another one function let find such that this from by not be it's"
)
"""Words that hardly any English task is without, and few of other languages have."""

# the same for each ----------------------------------------------------------------------------------

_EACH = (
    r"(?:each|every)(?:\s+one)?(?:\s+of)?(?:\s+(?:these|those|the|my))?(?:\s+following)?"
    r"(?!(?:\s+\w+)?\s+(?:columns?|pairs?|groups?|months?|other)\b)"
)
_PRODUCT = (
    r"(?:synonym|antonym|definition|translation|example|explanation|capital|haiku|summary|description|"
    r"rhyme|plural|sentence|opposite|meaning|author|currency|population)"
)
_EACH_VERB = (
    r"(?:translate|classify|define|explain|describe|summari[sz]e|paraphrase|rewrite|rephrase|correct|"
    r"categorize|convert|spell|simplify|solve|proofread|evaluate|analy[sz]e|complete|answer)"
)
FOR_EACH = re.compile(
    rf"{_WRAPS}{_LEAD}(?:{_EACH_VERB}\s+{_EACH}"
    rf"|(?:give|write|find|name|state|provide|suggest)\s+(?:me\s+)?(?:an?|one|the)\s+(?:\w+\s+)?{_PRODUCT}\s+(?:for|of|about)\s+{_EACH}"
    rf"|for\s+{_EACH}\b(?:\s+\w+){{0,3}},?\s+(?:give|say|state|tell\s+me|name|find)\b)"
    r"(?P<rest>[^.!?]*+)[.!]?\s*+$",
    re.I,
)
"""One thing is to be done with each item, and nothing with them together."""

# what refers to another part ------------------------------------------------------------------------

_MADE = "(?:result|answer|question|step|part|task|translation|summary|output)s?"
BACK = re.compile(
    rf"\b(?:previous|preceding|above|former|latter|last) {_MADE}\b|\b{_MADE} (?:above|before that)\b",
    re.I,
)
"""Words that point to another part, whatever stands beside them."""
MANY_BACK = re.compile(
    r"\b(?:both|them|these|those|they|their|each other|"
    r"the (?:two|three|four|five|others?|rest|results|"
    r"answers|differences?)|all of|which (?:one|is|are|was|were|"
    r"of(?! the following)|has|do|does)|compare the|"
    r"(?:previous|preceding|above) \w+s)\b",
    re.I,
)
"""Words that point to several."""
LETTERED_BACK = re.compile(r"\b(?:parts?|to|in|from|of|and) \([a-z]\)", re.I)
"""Parts that are called by their letters."""
STARTING_BACK = re.compile(
    rf"{_WRAPS}{_LEAD}(?:(?:he|she|they|his|her|their|its|it(?!['’]s|\s+(?:takes?|costs?|is|was)\b))\b"
    rf"|(?:{_VERBS})\s+(?:it|them|him|her|this|that|these|those|both)\b(?!\s+\w+:))",
    re.I,
)
"""A part that begins with such a word, so that its own words can't be meant."""
POINTING = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|"
    r"(?<!such )(?<!so )(?<!suppose )(?<!given )(?<!notice )(?<!assume )(?<!prove )(?<!show )"
    r"(?<!note )that(?! (?:is|are|was|were|has|have|can)\b)|"
    r"these|those|he|him|his|she|her|hers|"
    r"(?<!is )(?<!are )(?<!was )(?<!were )there(?! (?:is|are|was|were))|both|another|"
    r"examples?|same|others?|else|instead|again|too|neither|former|latter|your|yourself|"
    r"respectively|remaining|above|previous|preceding|similarly|likewise|alternatives?|"
    r"(?:which|what|this|that) ones?|or not|everything|anything|hence|thus|therefore|"
    r"more(?!(?: \w+){0,3} than)|one(?=\W*$|\s+(?:in|for|with|from|over)\b))\b",
    re.I,
)
"""Words that may point to another part."""
VAGUE = re.compile(
    r"\b(?:that|there|each|ones?|also|either|such|so|here|you|we|us|our|my|differences?|below|following|"
    r"next|any|some|all|more|less|better|worse|then|now|still|correct|right|true|wrong|enough|after|"
    r"related|involved|included|important|possible|role|top)\b",
    re.I,
)
"""Words that may do so in running text, where parts follow one another more closely."""
META = re.compile(
    r"\b(?:reasons?|code|working|proofs?|details?|explanations?|summar(?:y|ies)|conclusions?|"
    r"reasoning|sources?|alternatives?|facts?|pros|cons|advantages?|disadvantages?|hints?|"
    r"differences?|comparison|repl(?:y|ies)|response|implementation|tests?|captions?|comments?|"
    r"subject line|paragraphs?|words|sentences|lines|models)\b"
    r"(?!\s+(?:of|for|about|behind|between|that|why)\b)",
    re.I,
)
"""What is always of something: that may have been told before."""
MAKING = re.compile(
    rf"{_WRAPS}{_LEAD}(?:write|recommend|suggest|list|give|implement|draft|create|add|show|outline|propose|"
    r"sketch|provide|generate|make|design)\b(?!.*\b(?:of|about|for|on|with|that|to|in)\b)",
    re.I,
)
"""An order to make a thing of a kind, with no word on what it is about: "Write a title."."""
ELLIPTIC = re.compile(
    rf"{_WRAPS}{_LEAD}(?:(?:{_VERBS})\b\s*"
    r"(?:$|[.!,;]|(?:by|with|into|to|in|as|from|for|on|at|again|carefully|briefly|step|up|using|without|"
    r"why|how)\b(?!\s+\w+\s+\w+\s+\w+\s+\w+))"
    r"|(?:add|subtract|multiply|divide|take)\s+(?:\d+|one|two|three|four|five|ten)\W*$)",
    re.I,
)
"""An order that does not say to what: "Multiply by 3.", "Explain why."."""
AHEAD = re.compile(
    r"\b(?:below|next questions?|(?:all|each|every) (?:your |of your )?(?:other )?answers?|"
    r"your answers|"
    r"the (?:other|following) (?:questions?|tasks?|items?))\b",
    re.I,
)
"""Words that tell of parts behind this one, or of all."""
COMPARING = re.compile(
    r"\b(?:larger|smaller|bigger|faster|slower|older|younger|taller|shorter|longer|higher|lower|heavier|"
    r"lighter|cheaper|greater|easier|harder|earlier|later|stronger|weaker|newer|safer|simpler|richer|"
    r"hotter|colder|warmer|closer|nearer|deeper|wider|farther|further)\b",
    re.I,
)
"""What is compared stands behind "than", or in another part."""
FOLLOWING_UP = re.compile(
    # "Which is larger, 9.11 or 9.9?" holds what it chooses from.
    r"^(?!\W*which\b[^?\n]{0,80}[,:] *(?:\d|[A-Z])[^\s?]* or (?:\d|[A-Z]))"
    r"\W*(?:and|or|but|so|if so|if not|if yes|then|because|really|why not|what about|how about|"
    r"what if|how so|what for|what else|who else|"
    r"which (?:one|is|are|was|were|of(?! the following)|has|do|does)|"
    r"how (?:much|many) (?:is|are|was|were|do|does|did|if|would)|under|otherwise|except)\b",
    re.I,
)
"""What goes on from another question."""
PLAIN_BACK = re.compile(
    r"^\W*(?:\w+\s+){1,2}?(?:it|its)\b"
    r"|\b(?:the|that|this) (?:result|answer|translation|summary|output)\b",
    re.I,
)
"""What plainly means the part before."""
NUMBERED_BACK = re.compile(
    r"\b(?:steps?|questions?|parts?|tasks?|answers?(?: to)?)\s*#?"
    r"(\(?\d{1,2}\)?(?:(?:\s*,\s*|\s*&\s*|,?\s+and\s+|\s+or\s+)\(?\d{1,2}\)?)*)(?!\d|\.\d|%)",
    re.I,
)
"""Parts that are called by their numbers."""

# one after the other --------------------------------------------------------------------------------

THEN = re.compile(
    r"(?<!\s)[,;.]?\s+(?:and\s+)?(?:then|after that|afterwards|finally|next)\b,?\s+", re.I
)
"""What stands between two tasks, one after the other."""
OBJECT = re.compile(
    rf"{_WRAPS}(?i:{_LEAD}(?:{_VERBS}))\s+(?i:me\s+)?"
    r"(?:(?i:an?|the|this|my|its?|them|these|his|her|their|that|all|each|one|two|three|four|five|ten)\b|[A-Z\d\ue000]|\w+\W*$)"
)
"""An order that says to what it is to be done, and no clause: "Summarize the plot", "Explain rain"."""
THING_THAT_DOES = re.compile(
    r"\b(?:program|function|script|code|class|method|algorithm|query|statement|loop|procedure|command|"
    r"app|bot|recipe|story|poem|song|macro|regex|pipeline|workflow|game|\w+-liner|instructions?|steps?|"
    r"rules?|guides?|manual|tutorial|process|directions|routine|plan|workout|dialog|dialogue|machine|"
    r"robot|scene|character|scenario|exercise|prompt|test|sequence)\b",
    re.I,
)
"""What such a word does "then" is a part of its description."""
SUBORDINATE = re.compile(
    r"\b(?:why|how|that|if|when|where|which|who|whose|what|whether|while|because|since|until|unless|so|"
    r"first|people|users|someone|as|\w{3,}ing)\b|\bto\s+[a-z]|:| [-–—] |[–—]",
)
"""A task with such words may go on behind "then"."""

GENERIC = re.compile(
    r"\b(?:an?|of|every|most|all)\s+[a-z]{3,}"
    r"|\b(?:do|does|did|are|were|can|should|would|is|was)\s+(?:\w+\s+)?[a-z]{2,}s\b"
)
"""What a question asks of everything of a kind: "does a spider have", "do spiders have", "of water"."""
