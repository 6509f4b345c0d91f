"""What looks like a secret and is none: placeholders, templates, references, published examples.

Judged by the secret's own bytes, never by the line around it. Words count only at borders inside the secret: a real
key holds any given four letters by chance.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256

# Examples published by providers and defaults of emulators, as SHA-256 of the exact text, so that this list trips
# no scanner. Source: the providers' documentation, and RFCs 5849, 6455, 6749 and 6750, collected 2026-11.
PUBLIC_VALUES: frozenset[str] = frozenset(
    """
    1a5d44a2dca19669d72edf4c4f1c27c4c1ca4b4408fbb17f6ce4ad452d78ddb3
    78314b11be2e581549ac1c4f616563fad3fdf0c3b71678f6e2299182080e0598
    c6ea27c534f993d31f0aef882e3d200e7b87470c379ae79c8f9b19d3bd363dc9
    e21b597ba6b9cafa59d9ebc4d65c0385f5eb3fa56abab2607fa76589ad849a33
    0011cc25eb4320717494d2703e8cba85743e71b500283c21c8b88147992f9059
    aa6547439583c3a275d4542a0df6c1ad6a863971be9f2a2220f027cc02aef615
    c85debb55f2f204d868cc1552c42faa143b4c675f61363ab040dd50b5b5304cd
    9705102db0d5f99ee08daa19a73e510d9877a2a9add9369da247cbbe6c2a0140
    2cafc0970149a84f3b9e62eaf169f36f59907a3b3e31f7b82e68c69cd27f7326
    f2d6ca16515033e5dce14eba840b979d27b5cbae24bb3e5bf484339667f86397
    797c0ce414586cc8eb6929afe947c720e3e4d351dd070a6fe39f630beaab3054
    82e74299544e00738f9c0acb69b1eb348b3e20ffcfabcb34779bd37590fead6c
    6d7fa4e64d4b1f3ea31962e258b684de1f244434ebb11089b9d9817e44c43303
    0b5dd075ccdd03c42f4edda8e299e6838e2a75d3486a2a8d86940ed1541e9178
    731fa294d036e54f19df879bfcd4fe72d967dc6327800c5f74a48414a3f258c9
    7f75367e7881255134e1375e723d1dea8ad5f6a4fdb79d938df1f1754a830606
    88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b
    ad9858116e63b0c5a4d7dc7f50f034c7247e56838dae22c1832712ffde48e694
    a1f3235a12ea17c00af5565efba5be7fc9ae093158094bab5454365213dfaa91
    2a46ca87a4132477ed1d715b1dc9ea5f6b7bed1e6b4b3b92ea7678f31163174d
    7f44193a6edea087f5c0811306efae871c412b46ebee9a179fb3acf0cb5144a3
    507e2ce3c522082b61100d566ac9cea86168493b56387c368e6ef01f5c539fdc
    6c96130f130ab0d6d158397e24d2bcc1c9a5e73ae081f6e983f1c7b545d24a4c
    00cf4c781dc37003f7c7dd7d4c9a6ef1e0f4c62d9a291aa8bc398774e3fefd32
    b8e148545b13c78bc74da2f1a7275dd71e56ddece129d7d2f7b3ecc06f7994da
    9d03b692e941d5ace207a9f8048834439f6de98e5c6c1590c22c4f4577c88a42
    2ff8b0fb93aca981c78f1e94355c298c23435461f1072ef4674848e620371787
    082bff0ad603c43d7f196cbc5780609be15c6c89f9c341a1a9d3018911534995
    a71b359a87afde133e6d9731de69f8823d62b012072d43749f5dc976505403f5
    8be5d113c0871ce1a122d68a7dff940ab7b09ad8dfcfd9a85aa5c1acc026279e
    """.split()
)

# Long words cannot stand in a random token by chance; short ones can, and count only in short secrets, on their own.
_LONG_WORD = re.compile(
    rb"(?i)(?<![a-z])example(?![a-z])|placeholder|change_?me|changeit|redacted|not_?a_?real|(?:secret|key|token|password)[_-]?here"
    rb"|(?:your|fake)[_-]?(?:api|secret|key|token|pass)"
    rb"|(?:^|[^a-z])(?:sample|insert|replace)(?=$|[^a-z])|(?-i:EXAMPLE(?:KEY)?$|^[Yy]our[A-Z])"
)
_WITHIN = re.compile(rb"(?i)example")
_SHORT_WORD = re.compile(
    rb"(?i)(?:^|[^a-z0-9])(?:dummy|your|my|here|todo|foobar|fake|fixme|mock|lorem|ipsum|invalid|xxx+)(?=$|[^a-z0-9])"
)
_TEMPLATE = re.compile(
    rb"^[\"'`]?(?:\$\{|\$\(|\$[A-Za-z_]|%[A-Za-z_]+%|\{\{|\{%|<%|<[A-Za-z][\w .:|/-]*>?|@[A-Za-z_]+@"
    rb"|\[[A-Za-z]+ [^\]]*\]$|#\{|!Ref|!Sub|!Get|\[\[|__[A-Z_]+__|arn:aws|vault:|op://|ref\+|sm://|keyring:|env[:.]|file:|secretref:|process\.env|os\.environ|os\.getenv|getenv\()"
    rb"|\$\{\{?|\{\{|\w{4}\.\.\.\w{4}|(?:\xe2\x80\xa6|\\u2026|\.\.\.)(?:\(\d+\))?$"
    rb"|^[A-Z]{3,}(?:_[A-Z]{3,})+$|^[A-Z]{1,12}\d{0,3}(?:_[A-Z]{1,12}\d{0,3}){2,}$"  # the name of a variable
)
_MASK = re.compile(
    rb"([*.xX#_-])\1{5,}|([*.xX#_-])\2{3,}$|^[xX*.#-]+$|0{16}|0{8}-0{4}-0{4}-|^\d{8}-(?:\d{4}-){3}\d{12}$"
)
_SAME = re.compile(rb"(.)\1{5,}")
_BLOCK = re.compile(rb"^(.{1,8}?)\1{3,}.{0,8}$", re.DOTALL)
_SEQUENCES = (
    b"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz 01234567890123456789 0987654321098765 qwertyuiop asdfghjkl"
)
_SHORT, _TYPED, _REFERENCE = 40, 160, 512  # the most bytes of a secret in which words, typed filler, references count
_RUN = 8  # sequential characters in a row that no random token of ordinary length shows

# Reasons that say a person typed the value. A key in its vendor's exact shape is reported all the same, with less
# confidence; for a value of no known shape they are enough, but for a sequence, which the generic detector weighs.
TYPED = frozenset(("repeated characters", "sequence", "word within"))


@lru_cache(maxsize=1 << 12)  # the versions of a file hold the same values again and again
def reason(secret: bytes) -> str:
    """Why the bytes are no secret ("placeholder word", "template", …), or "" where nothing says so."""
    if sha256(secret).hexdigest() in PUBLIC_VALUES:
        return "published example"
    if len(secret) <= _REFERENCE and _TEMPLATE.search(secret):
        return "template or reference"
    if len(secret) <= _TYPED:
        if _MASK.search(secret):
            return "masked"
        if _LONG_WORD.search(secret) or (len(secret) <= _SHORT and _SHORT_WORD.search(secret)):
            return "placeholder word"
        if _SAME.search(secret) or _BLOCK.match(secret):
            return "repeated characters"
        if _sequential(secret):
            return "sequence"
        if _WITHIN.search(secret):
            return "word within"
    return "word within" if b"EXAMPLE" in secret else ""  # as in AWS' documentation, in tokens of any length


def _sequential(secret: bytes) -> bool:
    text = secret.lower()
    return any(text[start : start + _RUN] in _SEQUENCES for start in range(len(text) - _RUN + 1))
