"""PyTorch's side of the benchmark: a process that reads one JSON command a line and answers with one JSON line.

prepare {workload, batch, format: nchw | channels_last, threads} -> {name, version, threads}
time    {steps}                                                  -> {ms: [one training step each]}
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )


NETWORKS = {"lenet5": (lenet5, (1, 28, 28)), "lenet": (lenet, (1, 28, 28))}


class Peer:
    def prepare(self, c):
        torch.set_num_threads(c["threads"])
        torch.manual_seed(0)
        make, shape = NETWORKS[c["workload"]]
        memory = torch.channels_last if c["format"] == "channels_last" else torch.contiguous_format
        self.net = make().to(memory_format=memory)
        self.image = torch.randn(c["batch"], *shape).to(memory_format=memory)
        self.target = torch.randint(0, 10, (c["batch"],))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01, momentum=0.9)
        return {"name": f"PyTorch {torch.__version__} {c['format']}", "threads": torch.get_num_threads()}

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.net(self.image), self.target)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def time(self, c):
        ms = []
        for _ in range(c["steps"]):
            start = time.perf_counter()
            self.step()
            ms.append((time.perf_counter() - start) * 1000)
        return {"ms": ms}


peer = Peer()
for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(getattr(peer, command.pop("cmd"))(command)), flush=True)
