"""An independent reader of question formation: a recursive-descent parser written from the paper's grammar."""

from __future__ import annotations

from dataclasses import dataclass, field


def words(text: str) -> set[str]:
    return set(text.split())


DETERMINERS = words("the some my your our her")
RELATIVES = words("who that")
AUXILIARIES = {"does": "singular", "doesn't": "singular", "do": "plural", "don't": "plural"}
PREPOSITIONS = words("around near with upon by behind above below")
SINGULAR = words(
    "newt orangutan peacock quail raven salamander tyrannosaurus unicorn vulture walrus xylophone yak zebra"
)
PLURAL = words(
    "newts orangutans peacocks quails ravens salamanders tyrannosauruses unicorns vultures walruses "
    "xylophones yaks zebras"
)
INTRANSITIVE = words("giggle smile sleep swim wait move change read eat")
TRANSITIVE = words("entertain amuse high_five applaud confuse admire accept remember comfort")
CODES = {
    **{"D": DETERMINERS, "R": RELATIVES, "P": PREPOSITIONS, "Ns": SINGULAR, "Np": PLURAL},
    **{"As": words("does doesn't"), "Ap": words("do don't"), "I": INTRANSITIVE, "T": TRANSITIVE},
}
"""Of kinds of words, in a sentence's type."""


@dataclass
class Parse:
    """What the tests ask about a sentence."""

    words: list[str]
    at: int = 0
    number: str = ""
    subject: str = ""
    """Form of the subject: plain, prepositional, relative-intransitive, relative-transitive, relative-object."""
    object: str = ""
    """The same of the object; empty if there is none."""
    auxiliaries: list[str] = field(default_factory=list)
    main: int = -1
    """Place of the main auxiliary in the sentence."""

    def take(self, allowed: set[str]) -> str:
        word = self.words[self.at]
        assert word in allowed, f"{word!r} at {self.at} of {' '.join(self.words)}"
        self.at += 1
        return word

    def noun(self) -> str:
        return "singular" if self.take(SINGULAR | PLURAL) in SINGULAR else "plural"

    def auxiliary(self, number: str) -> None:
        self.auxiliaries.append(self.take({word for word, its in AUXILIARIES.items() if its == number}))

    def noun_phrase(self) -> tuple[str, str]:
        self.take(DETERMINERS)
        number = self.noun()
        word = self.words[self.at]
        if word in PREPOSITIONS:
            self.at += 1
            self.take(DETERMINERS)
            self.noun()
            return number, "prepositional"
        if word not in RELATIVES:
            return number, "plain"
        self.at += 1
        if self.words[self.at] in DETERMINERS:
            self.at += 1
            self.auxiliary(self.noun())
            self.take(TRANSITIVE)
            return number, "relative-object"
        self.auxiliary(number)
        if self.take(INTRANSITIVE | TRANSITIVE) in INTRANSITIVE:
            return number, "relative-intransitive"
        self.take(DETERMINERS)
        self.noun()
        return number, "relative-transitive"

    @property
    def centre_embedded(self) -> bool:
        return self.subject.startswith("relative")


def parse(sentence: list[str]) -> Parse:
    """Parse a declarative, full stop included; AssertionError if it is none."""
    found = Parse(sentence)
    found.number, found.subject = found.noun_phrase()
    found.main = found.at
    found.auxiliary(found.number)
    if found.take(INTRANSITIVE | TRANSITIVE) in TRANSITIVE:
        _, found.object = found.noun_phrase()
    found.take({"."})
    assert found.at == len(sentence)
    return found


def front(sentence: list[str], place: int) -> list[str]:
    """The question made by fronting the word at that place."""
    return [sentence[place], *sentence[:place], *sentence[place + 1 : -1], "?"]


def first_auxiliary(sentence: list[str]) -> int:
    """What the linear rule fronts."""
    return next(place for place, word in enumerate(sentence) if word in AUXILIARIES)


def type_of(sentence: list[str]) -> str:
    """A declarative without its words, as in question-types.csv: `D Ns P D Np As I`."""
    return " ".join(next(code for code, allowed in CODES.items() if word in allowed) for word in sentence[:-1])
