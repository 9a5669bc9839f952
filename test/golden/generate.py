"""Writes the golden files of test/golden: tiny classifiers in PyTorch with their weights, inputs, logits, loss, every gradient, and the losses of ten
AdamW steps on one batch. Run it with an environment that holds torch, timm, torchvision and safetensors:  python test/golden/generate.py
The versions used are in the metadata of each file."""

import json
import platform
from pathlib import Path

import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy

HERE = Path(__file__).parent
STEPS = 10
OPTIMIZER = {"learningRate": 2e-3, "weightDecay": 0.05, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}


def scatter(model: nn.Module) -> None:
    """Moves every parameter off its initial value, so that no bias is 0 and no scale is 1."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))


def groups(model: nn.Module) -> list[dict]:
    """The library's default rule: weight decay for what has two axes or more and is no position or class token."""
    decayed, free = [], []
    for name, parameter in model.named_parameters():
        exempt = parameter.ndim < 2 or name in ("cls_token", "pos_embed")
        (free if exempt else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": OPTIMIZER["weightDecay"]}, {"params": free, "weight_decay": 0.0}]


def write(name: str, model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, config: dict) -> None:
    scatter(model)
    tensors = {"input": inputs, "labels": labels.int()}
    tensors |= {f"weight/{k}": v.clone() for k, v in model.state_dict().items() if v.dtype == torch.float32}
    model.train()
    logits = model(inputs)
    loss = cross_entropy(logits, labels)
    loss.backward()
    tensors |= {"logits": logits.detach(), "loss": loss.detach()}
    tensors |= {f"gradient/{k}": p.grad.clone() for k, p in model.named_parameters()}
    tensors |= {f"after/{k}": v.clone() for k, v in model.state_dict().items() if "running" in k}
    optimizer = torch.optim.AdamW(
        groups(model), lr=OPTIMIZER["learningRate"], betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]), eps=OPTIMIZER["epsilon"]
    )
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    tensors["losses"] = torch.tensor(losses)
    versions = {"torch": torch.__version__, "timm": timm.__version__, "torchvision": torchvision.__version__, "python": platform.python_version()}
    metadata = {"versions": json.dumps(versions), "config": json.dumps(config), "optimizer": json.dumps(OPTIMIZER)}
    save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / f"{name}.safetensors", metadata)
    print(name, sum(p.numel() for p in model.parameters()), "parameters, losses", losses[0], "to", losses[-1])


def vit(name: str, pool: str) -> None:
    config = {"imageSize": 12, "patchSize": 4, "channels": 3, "classes": 5, "dimension": 24, "depth": 2, "heads": 3}
    model = timm.models.VisionTransformer(
        img_size=12, patch_size=4, in_chans=3, num_classes=5, embed_dim=24, depth=2, num_heads=3,
        global_pool="token" if pool == "cls" else "avg", class_token=pool == "cls",
    )
    write(name, model, torch.randn(4, 3, 12, 12), torch.tensor([0, 3, 1, 4]), config | {"pool": pool})


class Residual(torchvision.models.ResNet):
    """torchvision's blocks in the arrangement for small images: a 3 x 3 stem, no pooling before the stages (He et al., section 4.2)."""

    def __init__(self, blocks: list[int], width: int, classes: int) -> None:
        super().__init__(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1])
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity()
        for i, count in enumerate(blocks):
            layer = self._make_layer(torchvision.models.resnet.BasicBlock, width << i, count, stride=1 if i == 0 else 2)
            setattr(self, f"layer{i + 1}", layer)
        self.layer4 = nn.Identity()
        self.fc = nn.Linear(width << (len(blocks) - 1), classes)


class Recurrent(nn.Module):
    """A GRU whose last state is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 12, num_layers=2, batch_first=True)
        self.fc = nn.Linear(12, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.gru(x)[0][:, -1])


torch.manual_seed(20)
torch.set_num_threads(1)
vit("vit-cls", "cls")
vit("vit-gap", "gap")
write(
    "resnet", Residual([1, 1, 1], 6, 5), torch.randn(4, 3, 10, 10), torch.tensor([2, 0, 4, 1]),
    {"blocks": [1, 1, 1], "width": 6, "channels": 3, "classes": 5},
)
write(
    "gru", Recurrent(), torch.randn(5, 9, 6), torch.tensor([3, 0, 1, 2, 0]),
    {"features": 6, "hidden": 12, "layers": 2, "classes": 4},
)
