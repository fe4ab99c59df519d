"""PyTorch's side of the benchmark: a process that reads one JSON command a line and answers with one JSON line.
The protocol is in lib/peer.mjs; prepare takes format (nchw | channels_last) and compile, and there is
    export {file} -> {}   writes the network as ONNX
"""
import inspect
import json
import os
import resource
import struct
import sys
import time

import torch
import torch.nn.functional as F

from torch_networks import NETWORKS


def memory(field):
    """Resident memory of this process now (VmRSS) or at most (VmHWM), in bytes."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def load_weights(net, file):
    """Values of a safetensors file, read straight into the parameters: no second copy in memory."""
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    with open(file, "rb") as f, torch.no_grad():
        (length,) = struct.unpack("<Q", f.read(8))
        entries = json.loads(f.read(length))
        entries.pop("__metadata__", None)
        missing = [name for name in tensors if name not in entries] + [name for name in entries if name not in tensors]
        if missing:
            raise ValueError(f"error: the networks' parameters differ in name: {', '.join(missing[:4])}")
        for name, tensor in tensors.items():
            entry = entries[name]
            if entry["dtype"] != "F32":
                continue
            if list(tensor.shape) != entry["shape"]:
                raise ValueError(f"error: {name} is {list(tensor.shape)} here and {entry['shape']} there")
            f.seek(8 + length + entry["data_offsets"][0])
            target = tensor.detach() if tensor.is_contiguous() else torch.empty(tensor.shape)
            f.readinto(memoryview(target.numpy()).cast("B"))
            if not tensor.is_contiguous():
                tensor.copy_(target)


def image(count):
    """The same as in protocol.mjs."""
    low = 0xFFFFFFFF
    h = torch.arange(1, count + 1) * 0x9E3779B1 & low
    h = (h ^ h >> 15) * 0x85EBCA77 & low
    h = (h ^ h >> 13) * 0xC2B2AE3D & low
    h = h ^ h >> 16
    return ((h.double() / 2**32 - 0.5) * 3.5).float()


class Peer:
    def prepare(self, c):
        start = memory("VmRSS")
        torch.set_num_threads(c["threads"])
        torch.manual_seed(0)
        memory_format = torch.channels_last if c["format"] == "channels_last" else torch.contiguous_format
        self.train = c["mode"] == "train"
        self.masks = c["network"] == "unet"
        self.net = NETWORKS[c["network"]](c["classes"]).to(memory_format=memory_format).train(self.train)
        load_weights(self.net, c["weights"])
        batch, (_, h, w) = c["batch"], c["input"]
        count = batch * c["input"][0] * h * w
        self.image = image(count).reshape(batch, *c["input"]).to(memory_format=memory_format)
        if self.masks:
            self.target = (torch.arange(batch * h * w) % 2).float().reshape(batch, 1, h, w)
        else:
            self.target = torch.arange(batch) % c["classes"]
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01, momentum=0.9)
        self.run = self.net
        if c.get("compile"):
            self.compile()
        name = f"PyTorch {torch.__version__.split('+')[0]} {c['format'].replace('nchw', 'NCHW').replace('_', '-')}"
        if c.get("compile"):
            name += " compiled"
        return {"name": name, "threads": torch.get_num_threads(), "startBytes": start}

    def compile(self):
        if os.environ.get("ATEN_CPU_CAPABILITY") == "avx2":
            from torch._inductor import config as inductor

            inductor.cpp.simdlen = 256
        self.run = torch.compile(self.net)

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
                return self.run(self.image)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.run(self.image))
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def check(self, _):
        if not self.train:
            values = self.step().reshape(-1)
            return {"outputs": values[:: max(1, values.numel() // 1024)][:1024].tolist()}
        dropouts = [(m, m.p) for m in self.net.modules() if isinstance(m, torch.nn.Dropout)]
        for module, _ in dropouts:
            module.p = 0.0
        losses = [self.step(), self.step()]
        for module, p in dropouts:
            module.p = p
        return {"losses": losses}

    def time(self, c):
        ms = []
        for _ in range(c["steps"]):
            start = time.perf_counter()
            self.step()
            ms.append((time.perf_counter() - start) * 1000)
        return {"ms": ms, "peakBytes": memory("VmHWM")}

    def export(self, c):
        # The exporter that needs no further package, where there is a choice.
        has_choice = "dynamo" in inspect.signature(torch.onnx.export).parameters
        torch.onnx.export(
            self.net, self.image, c["file"], input_names=["image"], output_names=["output"], opset_version=16,
            **({"dynamo": False} if has_choice else {}),
        )
        return {}


peer = Peer()
for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(getattr(peer, command.pop("cmd"))(command)), flush=True)
