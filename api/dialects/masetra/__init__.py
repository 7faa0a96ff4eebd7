"""Masetra: the quality document. Its structs, envelope, error form, pagination and routes; nothing else."""

from api.dialects.masetra.forms import error_form
from api.dialects.masetra.routes import ROUTES

__all__ = ["ROUTES", "error_form"]
