from .explained_copies import ExplainedCopies
from .explained_face import Explanation
from .explainer import FaceExplainer
from .occlusion import deletion_curve, occlusion_map
from .voices import MemberVoice, TraitVoice, member_voices, trait_voices

__all__ = [
    "ExplainedCopies",
    "Explanation",
    "FaceExplainer",
    "MemberVoice",
    "TraitVoice",
    "deletion_curve",
    "member_voices",
    "occlusion_map",
    "trait_voices",
]
