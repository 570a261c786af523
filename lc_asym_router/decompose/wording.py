"""The English words that tell a task from data, and a task of its own from one that refers back."""

from __future__ import annotations

import re

_VERBS = (
    "add analyze analyse answer calculate categorize check choose classify compare complete compose "
    "compute convert correct count create debug define describe design determine divide do draft "
    "estimate evaluate explain extract find fix format generate give group identify implement improve "
    "list make multiply name optimize optimise order outline paraphrase pick predict propose prove "
    "provide rank recommend refactor rephrase reverse review rewrite say select show simplify sketch "
    "solve sort spell state subtract suggest sum summarize summarise tell test translate write"
)
_LEAD = (
    r"(?:(?:please|now|also|and|first|firstly|second|secondly|third|next|then|finally|lastly|"
    r"(?:can|could|would|will)\s+you(?:\s+please)?)\b[,:]?\s*)*"
)
_WRAPS = r"^[\s*_#\-]*"

IMPERATIVE = re.compile(rf"{_WRAPS}{_LEAD}(?P<verb>{'|'.join(_VERBS.split())})\b", re.I)
"""A sentence that says what to do."""
LEAD = re.compile(rf"^\s*{_LEAD}", re.I)
"""What stands before the order: "Please", "First,"."""
_TASKS = (
    r"\b(?:following|these|few|some|several|two|three|four|five|six|\d+)\s+"
    r"(?:\w+\s+){0,2}(?:questions|tasks|problems|exercises|things|requests)\b"
)
TASKS = re.compile(_TASKS, re.I)
"""Words that call the items tasks."""
ANSWERING = re.compile(
    rf"{_WRAPS}{_LEAD}(?:answer|solve|do|complete|respond|reply|work|help|handle|address)\b"
    rf"|{_TASKS}"
    rf"|{_WRAPS}(?:questions|tasks|problems|exercises|to\s*do)\s*:?\s*$",
    re.I,
)
"""A sentence that says: here come tasks."""
EACH = re.compile(r"\b(?:each|every|one by one|individually|separately)\b", re.I)
"""The same is to be done with each item."""
TOGETHER = re.compile(
    r"\b(?:compare|rank|sort|order|group|choose|pick|select|combine|merge|which|best|most|among|"
    r"between|common|relate|other|others|together|overall|total)\b",
    re.I,
)
"""The items can't be taken one by one."""
WHOLE_FORMAT = re.compile(
    r"\b(?:json|csv|yaml|xml|html|table|array|dictionary|essay|story)\b", re.I
)
"""The answer as a whole has a form that answers under their questions would break."""
STYLE = re.compile(
    r"^\s*(?:please\s+|and\s+)*(?:answer|reply|respond|keep|be\s|use|no\s|do not|don't|thanks|thank you"
    r"|in (?:one|two|a|english|german|french|spanish)"
    r"|one (?:word|sentence|line)|just|only|briefly|short"
    r"|write (?:each|every|all|your|in)|give (?:each|every|only|just|short|brief|me (?:only|just)))",
    re.I,
)
"""A remark on how to answer, which goes for each part."""
FILLERS = re.compile(
    r"^\s*(?:hi|hello|hey)\b|^\s*how are you|^\s*(?:can|could|would|will) you (?:please )?help"
    r"|^\s*(?:ok|okay|right|ready|got it|understood|agreed|correct|yes|no)\s*\?",
    re.I,
)
"""A question that asks for nothing."""
_MADE = "(?:result|answer|question|step|part|task|translation|summary|output)s?"
BACK = re.compile(
    rf"\b(?:previous|preceding|above|former|latter|last) {_MADE}\b|\b{_MADE} (?:above|before that)\b",
    re.I,
)
"""Words that point to another part, whatever stands beside them."""
SOFT_BACK = re.compile(
    r"\b(?:the|that|this) (?:result|answer|translation|summary|output)\b"
    r"|\b(?:that|this) (?:list|total|sum|number|word|sentence|text)\b"
    r"|\bthe (?:former|latter)\b",
    re.I,
)
"""Words that point to another part, unless this one has told of it itself."""
PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|he|him|his|she|her|hers|there|each|both|"
    r"another|example|examples)\b",
    re.I,
)
"""Words that may point to another part."""
FIRST_PRONOUN = re.compile(
    r"^(?:\W*\w+\W+){0,4}?\W*(?:it(?! takes?\b| that\b| is\b)|them"
    r"|(?<!of )(?:this|these)(?! (?:question|problem)\b)"
    r"|that(?=\W*$|\s+(?:in|into|to|as|by|with|and)\b))\b"
    r"|^\W*(?:he|she|they|his|her|their|its)\b|\b(?:it|them|there)\W*$",
    re.I,
)
"""Such a word where a part begins or ends, so that its own words can't be meant."""
NUMBERED_BACK = re.compile(
    r"\b(?:steps?|questions?|parts?|tasks?|answers?(?: to)?)\s*#?"
    r"(\(?\d{1,2}\)?(?:(?:\s*,\s*|\s*&\s*|,?\s+and\s+|\s+or\s+)\(?\d{1,2}\)?)*)(?!\d|\.\d|%)",
    re.I,
)
"""Parts that are called by their numbers."""
THEN = re.compile(
    r"(?:[,;.]\s+|\s+)(?:and\s+)?(?:then|after that|afterwards|finally|next)\b,?\s+", re.I
)
"""What stands between two tasks, one after the other."""
THING_THAT_DOES = re.compile(
    r"\b(?:program|function|script|code|class|method|algorithm|query|loop|procedure|command|app|bot|"
    r"recipe|story|poem|song|macro|regex|pipeline|workflow|game)\b",
    re.I,
)
"""What such a word does "then" is a part of its description."""
