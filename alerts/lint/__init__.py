"""Reads alert rules with the eye of an experienced colleague: what is no error, and still will not do its work."""

from alerts.lint.catalogue import Catalogue
from alerts.lint.remark import Remark
from alerts.lint.review import CHECKS, review

__all__ = ["CHECKS", "Catalogue", "Remark", "review"]
