"""The clauses that a regulated record has to keep, what the product does about each, and what is left to its operator.

The tests that show it name their clause: `@pytest.mark.clause("11.10(a)")`, with `negative=True` where they show that
something is refused or found. `tests/support/compliance.py` makes docs/compliance/part11.md of both.
"""

from typing import NamedTuple


class Clause(NamedTuple):
    """A clause: its number, what it asks for, what the product does, and what whoever runs it must see to."""

    number: str
    asks: str
    does: str
    operator: str


PART_11 = "21 CFR Part 11"
ANNEX_11 = "EU GMP Annex 11, and its draft of 2025"

CLAUSES: dict[str, tuple[Clause, ...]] = {
    PART_11: (
        Clause(
            "11.10(a)",
            "Altered and invalid records are discerned",
            "Every event is a leaf of a Merkle tree, whose head is signed every few seconds with a key that the "
            "database does not hold, and kept in a file outside it. `flowledger audit verify` makes the tree "
            "again, and names the first position that differs. What is newer than the last signed head is "
            "counted as not covered yet.",
            "Validating the system in its use. Keeping `checkpoints.log` and the checkpoint key where whoever "
            "may write to the database may not. Verifying, regularly.",
        ),
        Clause(
            "11.10(b)",
            "Accurate and complete copies, human-readable and electronic",
            "`GET …/copy/` gives one record whole, as a page or as JSON: every event with before and after, "
            "signatures in words, files by name and hash, and the proof that an inspector checks offline with "
            "one file of Python.",
            "Giving inspectors access, and the verifier's public key by another way than the copy.",
        ),
        Clause(
            "11.10(c)",
            "Records are protected and can be retrieved as long as they are kept",
            "Events are never deleted. What a record was at any time is read by an index. A restored backup "
            "verifies, and is recorded as one.",
            "Making backups and trying them. How long records are kept: the product deletes none.",
        ),
        Clause(
            "11.10(d)",
            "Access is limited to authorized individuals",
            "Every door to a record asks for a session or a token; what a user may do is the sum of the "
            "roles' permissions, asked anew at each request. Who is refused is in the trail.",
            "Deciding who gets an account and which role, and taking it away.",
        ),
        Clause(
            "11.10(e)",
            "Secure, computer-generated, time-stamped audit trail that obscures nothing",
            "The record is the trail: each change is an event with who, when, from where, before and after, and "
            "the time is the server's. The application's database role can add, and neither change nor delete. "
            "The owner's can, and is found.",
            "The server's clock. Keeping the owner's password from whoever runs the product.",
        ),
        Clause(
            "11.10(f)",
            "Steps in their permitted order",
            "A workflow is one table of steps; what the table does not allow is refused with 409, and says "
            "where it would be possible.",
            "Configuring the chains of approvals as the procedures have them.",
        ),
        Clause(
            "11.10(g)",
            "Authority checks: use, sign, alter, perform",
            "Each step names who may take it, by permission and by what he is to the record. Some guards bind "
            "the administrator too: the investigator does not approve, nobody approves twice in a round.",
            "Giving roles as people's duties are.",
        ),
        Clause(
            "11.10(h)",
            "The source of input is valid",
            "Every event that a client caused has the address it came from, the id of the token that it showed "
            "and the id of its request. Clients can not set them; a proxy is believed where it is named.",
            "Naming the proxies. Terminals that only certain people can reach.",
        ),
        Clause(
            "11.10(k)",
            "Configuration and documentation under revision and change control",
            "Settings, roles and webhooks are records as any other: each change is an event with before, after "
            "and, where that is set, a reason. A database of another version is refused. Reference pages are "
            "made from the code.",
            "Controlling their own documents, and who may change the configuration.",
        ),
        Clause(
            "11.50",
            "Signed records show the signer's name, the time and the meaning",
            "Name, time and meaning are part of the signature in the event, and shown in the history, the trail "
            "and every copy, on paper too.",
            "Saying which meanings are used.",
        ),
        Clause(
            "11.70",
            "A signature can not be cut out, copied or moved",
            "A signature binds user, meaning, time, record, version and the hash of all that stood before it, "
            "sealed with a key that the database does not hold. On another record, version, meaning or user it "
            "does not hold.",
            "Keeping `signature.key` out of reach.",
        ),
        Clause(
            "11.100",
            "One signature, one person, never given again",
            "A user name is given once, however it is written, also after its user was deactivated or erased: a "
            "keyed hash remembers it. Nobody signs for another.",
            "Verifying who somebody is before giving an account. Certifying to the agency that signatures are "
            "meant as such.",
        ),
        Clause(
            "11.200",
            "Two components, both at each signing",
            "The password, and the code where the user has a second factor, are asked for at every signing, "
            "with the user name where that is set; a session alone signs nothing.",
            "Requiring the user name, if its procedures do. Forbidding that passwords are shared.",
        ),
        Clause(
            "11.300",
            "Codes and passwords are unique, aged, revocable; misuse is detected and reported",
            "Wrong passwords and codes lock the user, across all processes, and each is in the trail. Passwords "
            "can be made to age and not to come again. A stolen refresh token ends its session. Lost second "
            "factors are removed by an administrator who says why. Nothing secret is stored or logged readable.",
            "Looking at the trail, and acting on it. Testing devices that bear codes.",
        ),
    ),
    ANNEX_11: (
        Clause(
            "Annex 11 § 9, reasons",
            "The reason of each change is recorded",
            "Once a record has left its first state, whatever overwrites or removes what was recorded takes a "
            "reason, in the same request, before anything is recorded.",
            "Reasons that say something.",
        ),
        Clause(
            "Annex 11 § 8.2",
            "Printouts show whether data changed since entry",
            "The copy says of each field in which version it was entered and in which it was changed, and of "
            "the whole whether anything was.",
            "Nothing.",
        ),
        Clause(
            "Annex 11 § 9, review",
            "The audit trail is reviewed regularly",
            "Events of high and medium risk wait in a queue until somebody else than who did them accepts or "
            "questions them; the review is recorded itself.",
            "Doing it, and how often.",
        ),
        Clause(
            "Draft 2025, time zones",
            "Times say their zone",
            "All times are UTC and say so; what comes without a zone is taken as UTC. The zone of the site is a "
            "setting, for reading.",
            "Setting the site's zone.",
        ),
        Clause(
            "Draft 2025, multi-factor",
            "Sign-in with more than one factor",
            "A user may set up one-time codes (RFC 6238); from then on signing in and signing take one, and "
            "none is taken twice.",
            "Requiring them of its people.",
        ),
    ),
}
