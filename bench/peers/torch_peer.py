"""PyTorch's side of the benchmark: a process that reads one JSON command a line and answers with one JSON line.

prepare {network, batch, input, classes, mode: train | infer, format: nchw | channels_last, threads} -> {name, threads}
time    {steps}                                                  -> {ms: [one step each], peakBytes}
"""
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F

from torch_networks import NETWORKS


class Peer:
    def prepare(self, c):
        torch.set_num_threads(c["threads"])
        torch.manual_seed(0)
        memory = torch.channels_last if c["format"] == "channels_last" else torch.contiguous_format
        self.train = c["mode"] == "train"
        self.masks = c["network"] == "unet"
        self.net = NETWORKS[c["network"]](c["classes"]).to(memory_format=memory).train(self.train)
        batch, (_, h, w) = c["batch"], c["input"]
        self.image = torch.randn(batch, *c["input"]).to(memory_format=memory)
        self.target = (torch.rand(batch, 1, h, w) > 0.5).float() if self.masks else torch.randint(0, c["classes"], (batch,))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01, momentum=0.9)
        return {"name": f"PyTorch {torch.__version__} {c['format']}", "threads": torch.get_num_threads()}

    def loss(self, output):
        if self.masks:
            return F.binary_cross_entropy_with_logits(output, self.target)
        if isinstance(output, tuple):
            main, *heads = output
            return F.cross_entropy(main, self.target) + sum(0.3 * F.cross_entropy(h, self.target) for h in heads)
        return F.cross_entropy(output, self.target)

    def step(self):
        if not self.train:
            with torch.inference_mode():
                return self.net(self.image)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.net(self.image))
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def time(self, c):
        ms = []
        for _ in range(c["steps"]):
            start = time.perf_counter()
            self.step()
            ms.append((time.perf_counter() - start) * 1000)
        return {"ms": ms, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


peer = Peer()
for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(getattr(peer, command.pop("cmd"))(command)), flush=True)
