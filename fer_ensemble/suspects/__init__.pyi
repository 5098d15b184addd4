from .doubting import SuspectLabels, check_rule, find_suspect_labels
from .out_of_fold import Opinion, out_of_fold, quick_models, quick_opinions, quick_views
from .reasons import KINDS, Suspect
from .unlike_faces import unlike_faces

__all__ = [
    "KINDS",
    "Opinion",
    "Suspect",
    "SuspectLabels",
    "check_rule",
    "find_suspect_labels",
    "out_of_fold",
    "quick_models",
    "quick_opinions",
    "quick_views",
    "unlike_faces",
]
