"""Language models: the embedded one, other GGUF files, and every provider that the owner has configured.

The room answers three questions: which models are there, how is one asked, and what is to be done when it fails.
Everything above asks through pydantic-ai (`models.get(name).pydantic`) and meets one error, `ModelFailed`.

Prompts, skills and agents may not enter; nor may anything that knows of a canvas beyond its errors.
"""

from studiolo.models.catalogue import EMBEDDED, Model, ModelInfo, Models, Trial
from studiolo.models.failures import ModelFailed

__all__ = ["EMBEDDED", "Model", "ModelFailed", "ModelInfo", "Models", "Trial"]
