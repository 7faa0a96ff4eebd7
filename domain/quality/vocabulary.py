"""The closed sets of values that the fields of deviations and CAPAs take."""

CATEGORIES = ("PROCEDURAL", "EQUIPMENT", "MATERIAL", "ENVIRONMENTAL", "OTHER")
CLASSIFICATIONS = ("CRITICAL", "MAJOR", "MINOR")
PRIORITIES = ("LOW", "MEDIUM", "HIGH", "URGENT")
METHODS = ("FIVE_WHYS", "FISHBONE", "CHECKLIST", "OTHER")

CHOICES = {
    "category": CATEGORIES,
    "classification": CLASSIFICATIONS,
    "priority": PRIORITIES,
    "investigation_method": METHODS,
}

SOURCES = ("DEVIATION", "AUDIT", "COMPLAINT", "MANUAL")
ACTION_KINDS = ("CORRECTIVE", "PREVENTIVE")

#: A CAPA's category is a deviation's, or not said: what is prevented need not have happened yet.
CAPA_CHOICES = {
    "category": (*CATEGORIES, ""),
    "priority": PRIORITIES,
    "source_type": SOURCES,
    "action_kind": ACTION_KINDS,
}
