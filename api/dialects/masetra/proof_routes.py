"""The doors of signed tree heads."""

from api.dialects.masetra import proof_shapes as shapes
from api.dialects.masetra import proofs
from api.dialects.masetra.forms import Page
from api.dialects.masetra.record_routes import GET, READ
from api.routes import Route

_ALL = "/api/audit"
_TAG = "audit"

ROUTES = [
    Route(GET, f"{_ALL}/checkpoints", proofs.list_checkpoints, "Signed tree heads, newest first", _TAG,
          {200: shapes.CheckpointPage}, query=Page, refusals=READ),
    Route(GET, f"{_ALL}/checkpoints/{{size:int}}", proofs.get_checkpoint, "One signed tree head", _TAG,
          {200: shapes.CheckpointOut}, query=shapes.CheckpointQuery, refusals=READ, media=(proofs.NOTE,)),
    Route(GET, f"{_ALL}/consistency", proofs.prove_consistency, "That one signed tree is the beginning of another",
          _TAG, {200: shapes.ConsistencyProof}, query=shapes.ConsistencyQuery, refusals=(*READ, 409)),
    Route(GET, f"{_ALL}/verifier", proofs.get_verifier, "The program that checks proofs, one Python file", _TAG,
          {200: bytes}, refusals=(400, 401, 503)),
]  # fmt: skip
