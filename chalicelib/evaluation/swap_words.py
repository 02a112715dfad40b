"""Words of groups in English, in pairs, for the swaps of a suite.

Pronouns and words for people extend those of LangFair and HELM
(https://github.com/cvs-health/langfair, Apache-2.0) to pairs. The names of `GENDER` are among the
most frequent of a century in the United States
(https://www.ssa.gov/oact/babynames/decades/century.html); names that are words or serve both, such
as Mark, are left out. Those of `US_NAMES` are all 36 of M. Bertrand and S. Mullainathan, Are Emily
and Greg more employable than Lakisha and Jamal?, 2004, table 8.
"""

from __future__ import annotations

from collections.abc import Mapping

Pairs = tuple[tuple[str, str], ...]

GENDER: Pairs = (
    ("she", "he"),
    ("her", "him"),
    ("hers", "his"),
    ("herself", "himself"),
    ("Ms", "Mr"),
    ("Mrs", "Mr"),
    ("madam", "sir"),
    ("woman", "man"),
    ("women", "men"),
    ("girl", "boy"),
    ("girls", "boys"),
    ("lady", "gentleman"),
    ("ladies", "gentlemen"),
    ("female", "male"),
    ("females", "males"),
    ("mother", "father"),
    ("mothers", "fathers"),
    ("mom", "dad"),
    ("mum", "dad"),
    ("daughter", "son"),
    ("daughters", "sons"),
    ("sister", "brother"),
    ("sisters", "brothers"),
    ("wife", "husband"),
    ("wives", "husbands"),
    ("girlfriend", "boyfriend"),
    ("girlfriends", "boyfriends"),
    ("aunt", "uncle"),
    ("aunts", "uncles"),
    ("niece", "nephew"),
    ("nieces", "nephews"),
    ("grandmother", "grandfather"),
    ("grandmothers", "grandfathers"),
    ("granddaughter", "grandson"),
    ("granddaughters", "grandsons"),
    ("stepmother", "stepfather"),
    ("widow", "widower"),
    ("bride", "groom"),
    ("queen", "king"),
    ("princess", "prince"),
    ("actress", "actor"),
    ("waitress", "waiter"),
    ("businesswoman", "businessman"),
    ("chairwoman", "chairman"),
    ("policewoman", "policeman"),
    ("saleswoman", "salesman"),
    ("spokeswoman", "spokesman"),
    ("schoolgirl", "schoolboy"),
    ("Mary", "James"),
    ("Patricia", "John"),
    ("Jennifer", "Robert"),
    ("Linda", "Michael"),
    ("Elizabeth", "David"),
    ("Barbara", "William"),
    ("Susan", "Richard"),
    ("Jessica", "Joseph"),
    ("Sarah", "Thomas"),
    ("Karen", "Charles"),
    ("Lisa", "Christopher"),
    ("Nancy", "Daniel"),
    ("Betty", "Matthew"),
    ("Sandra", "Anthony"),
    ("Margaret", "Donald"),
    ("Emily", "Andrew"),
    ("Kimberly", "Steven"),
    ("Donna", "Paul"),
    ("Carol", "Kenneth"),
    ("Michelle", "Joshua"),
    ("Deborah", "Kevin"),
    ("Helen", "George"),
    ("Laura", "Edward"),
    ("Rebecca", "Ronald"),
    ("Cynthia", "Timothy"),
    ("Amy", "Jason"),
    ("Anna", "Peter"),
)

US_NAMES: Pairs = (
    ("Aisha", "Emily"),
    ("Keisha", "Anne"),
    ("Tamika", "Jill"),
    ("Lakisha", "Allison"),
    ("Tanisha", "Laurie"),
    ("Latoya", "Sarah"),
    ("Kenya", "Meredith"),
    ("Latonya", "Carrie"),
    ("Ebony", "Kristen"),
    ("Rasheed", "Todd"),
    ("Tremayne", "Neil"),
    ("Kareem", "Geoffrey"),
    ("Darnell", "Brett"),
    ("Tyrone", "Brendan"),
    ("Hakim", "Greg"),
    ("Jamal", "Matthew"),
    ("Leroy", "Jay"),
    ("Jermaine", "Brad"),
)

LISTS: Mapping[str, tuple[tuple[str, str], Pairs]] = {
    "gender": (("women", "men"), GENDER),
    "us_names": (("black", "white"), US_NAMES),
}
"""By name, the two groups of a list and their words."""

BEFORE_NO_NOUN = frozenset(
    (
        *("a", "about", "across", "after", "again", "against", "all", "along", "also", "although"),
        *("always", "an", "and", "anything", "are", "around", "as", "at", "away", "back", "be"),
        *("because", "before", "behind", "being", "beside", "but", "by", "can", "come", "could"),
        *("did", "do", "does", "doing", "down", "during", "either", "ever", "every", "for"),
        *("from", "get", "go", "going", "had", "has", "have", "he", "her", "here", "him", "his"),
        *("how", "i", "if", "in", "inside", "instead", "into", "is", "it", "its", "just", "know"),
        *("like", "may", "me", "might", "much", "must", "my", "near", "never", "no", "nor"),
        *("not", "now", "of", "off", "often", "on", "once", "one", "onto", "or", "our"),
        *("out", "outside", "over", "per", "should", "since", "so", "some", "something", "soon"),
        *("still", "such", "than", "that", "the", "their", "then", "there", "these", "they"),
        *("this", "those", "though", "through", "till", "to", "today", "together", "tomorrow"),
        *("too", "toward", "towards", "under", "unless", "until", "up", "upon", "us", "was"),
        *("we", "well", "were", "what", "when", "whenever", "where", "whether", "which", "while"),
        *("who", "whom", "whose", "why", "will", "with", "within", "without", "would"),
        *("yesterday", "yet", "you", "your"),
    )
)
"""Words that "her" is not the possessive of: before them it is "him", and "his" before others.

Measured on "his" and "him" of texts, as if each were "her": right for 0.96 of 2,033 in the glosses
of WordNet, by which the words were chosen, and 0.90 of 176 in the Jargon File, by which they were
not; always "his" is right for 0.85 and 0.76.
"""
