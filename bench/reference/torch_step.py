"""PyTorch, eager: one training step (forward, cross-entropy, backward, fused AdamW) of a timm classifier, in milliseconds. Arguments: model batch threads."""
import sys
import time

import timm
import torch
import torch.nn.functional as F

from turns import take_turns

name, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)
net = timm.create_model(name, num_classes=1000).train()
x, y = torch.randn(batch, 3, 224, 224), torch.randint(0, 1000, (batch,))
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)


def measure():
    start = time.perf_counter()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return (time.perf_counter() - start) * 1e3


measure()
take_turns(measure, library=f'pytorch {torch.__version__}')
