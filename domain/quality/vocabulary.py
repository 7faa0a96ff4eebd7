"""The closed sets of values that a deviation's fields take."""

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
