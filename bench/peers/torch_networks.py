"""The benchmark's networks in PyTorch: torchvision's where it has them, the widespread forms of LeNet and U-Net otherwise."""
import torch
from torch import nn


def lenet5(classes):
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes),
    )


def lenet(classes):
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(inplace=True), nn.Linear(500, classes),
    )


def double_conv(a, b):
    return nn.Sequential(
        nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
        nn.Conv2d(b, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """64 to 1024 channels, padded convolutions with batch norm, transposed convolutions up."""

    def __init__(self, classes):
        super().__init__()
        widths = [64, 128, 256, 512, 1024]
        self.down = nn.ModuleList(double_conv(a, b) for a, b in zip([3, *widths], widths))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in reversed(widths[:-1]))
        self.merge = nn.ModuleList(double_conv(2 * w, w) for w in reversed(widths[:-1]))
        self.last = nn.Conv2d(64, classes, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        skips = []
        for i, block in enumerate(self.down):
            x = block(x if i == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge):
            x = merge(torch.cat([skips.pop(), up(x)], 1))
        return self.last(x)


def vgg11_bn(classes):
    import torchvision

    net = torchvision.models.vgg11_bn()
    return nn.Sequential(net.features, nn.Flatten(), nn.Linear(512, classes))


def vgg16(classes):
    import torchvision

    return torchvision.models.vgg16(num_classes=classes)


def googlenet(classes):
    import torchvision

    return torchvision.models.googlenet(num_classes=classes, aux_logits=True, init_weights=False)


NETWORKS = {"lenet5": lenet5, "lenet": lenet, "unet": UNet, "vgg11_bn": vgg11_bn, "vgg16": vgg16, "googlenet": googlenet}
