"""Words by which English denies, forbids, excludes or calls off something: 'not', 'no', 'other than', 'steer clear of'.

One table for everybody who must not take a word for wanted because it stands in a text. It is wide on purpose: a
denial that is not seen makes a wrong answer pass, one seen too many costs a model call.
"""

from __future__ import annotations

import re

from stepflow.prose import QUOTED

_DENIAL = re.compile(
    r"""
    # Negation.
    \b(?: not | never | no(?!\.\s*\d) | non(?=-) | none | nobody | nothing | nowhere | neither | nor | cannot | without
        | sans | nope | nah | nay | hardly | scarcely | barely | rarely | seldom | ain['’]?t ) \b
    | \b\w*n['’]t\b | \b(?:do|does|did|is|are|was|were|wo|ca|could|would|should|must|have|has|had)nt\b
    # All but this.
    | \b(?: except\w* | exclu(?:d(?:e[sd]?|ing)|sion\w*|sive\sof) | omit\w* | omission | skip\w* | avoid\w* | exempt\w*
        | unless | barring | minus | instead | but | apart\s+from | aside\s+from | other\s+than | rather\s+than
        | (?:in\s+)?(?:place|lieu)\s+of | as\s+opposed\s+to | opposite\s+of | contrary\s+to | unlike | short\s+of
        | save\s+for | (?<=\bany\s)save | far\s+from | less\s+than\s+(?:willing|keen|happy) ) \b
    | \b(?: any | all | every | each )\w* \s (?:[^\W\d_]+\s){0,3} save \b
    # Lacking.
    | \b(?: lack\w* | absen(?:t|ce) | devoid | void\s+of | free\s+(?:of|from) | missing | deprived ) \b | (?<=\w)-free\b
    # Away with it.
    | \b(?: refus\w* | refrain\w* | declin\w* | reject\w* | den(?:y|ies|ied|ying) | disallow\w* | discard\w*
        | dismiss\w* | forb(?:id|ade)\w* | prohibit\w* | bann?(?:ed|ing)? | prevent\w* | block\w* | veto\w*
        | abort\w* | cancel\w* | cease\w* | (?<!non-)stop\w* | quit\w* | halt\w* | abandon\w* | abstain\w* | forget
        | forgo\w* | ignor\w* | disregard\w* | neglect\w* | scrap\w* | scratch\s+th(?:at|is) | nix\w* | ditch\w*
        | dump | undo | revoke\w* | retract\w* | withdraw\w* | remov\w* | delet\w* | eliminat\w*
        | drop(?:s|ped|ping)? | rid | hate\w* | dislike\w* | detest\w* | object\s+to | oppos(?:e|ed|es|ing)
        | allerg\w* | intoleran\w* | against
        | never\s*mind | hold\s+(?:off|back|the) | lose\s+the | cut\s+(?:out|the) | call\s+off | pass\s+on | rule\s+out
        | le(?:ave|aving|ft)\s+(?:\w+\s+){0,3}(?:out|off|away|aside|behind|alone) | (?:put|set)\s+aside
        | (?:ke(?:ep|eping|pt)|stay\w*|steer\w*|stand\w*) \s+ (?:\w+\s+){0,3} (?:away|clear|out|off|far)
        | (?:well\s+)?away\s+from | clear\s+of | out\s+of\s+the\s+question | off\s+(?:limits|the\s+table)
        | outside\s+of | outside(?=\s+(?-i:[A-Z]\w)) | beyond | anti(?=-) ) \b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def find_denials(text: str) -> list[tuple[int, int]]:
    """Where a text denies something, as [start, end); what stands in quotes is mentioned, and denies nothing."""
    said = QUOTED.sub(lambda quoted: " " * len(quoted.group()), text)
    return [match.span() for match in _DENIAL.finditer(said)]
