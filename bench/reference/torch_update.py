"""PyTorch's side of bench/kernels/update.mjs: torch_update.py adamw|sgd|norm THREADS, over the parameters of ViT-Ti. Prints GB/s each turn."""
import sys
import time

import torch

from turns import take_turns

case, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
D = 192
block = [(D,), (D,), (3 * D, D), (3 * D,), (D, D), (D,), (D,), (D,), (4 * D, D), (4 * D,), (D, 4 * D), (D,)]
shapes = [(197, D), (D, 768), (D,), *(block * 12), (D,), (D,), (1000, D), (1000,)]
parameters = [torch.nn.Parameter(torch.rand(shape)) for shape in shapes]
for parameter in parameters:
    parameter.grad = torch.rand_like(parameter)
optimizers = {
    'adamw': lambda: torch.optim.AdamW(parameters, lr=1e-3, fused=True),
    'sgd': lambda: torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, fused=True),
}
step = optimizers[case]().step if case in optimizers else lambda: torch.nn.utils.get_total_norm([p.grad for p in parameters])
passes = {'adamw': 7, 'sgd': 5, 'norm': 1}[case]
elements = sum(p.numel() for p in parameters)


def measure():
    start = time.perf_counter()
    step()
    return 4 * elements * passes / (time.perf_counter() - start) / 1e9


with torch.no_grad():
    measure()
    take_turns(measure, library=f'pytorch {torch.__version__}')
