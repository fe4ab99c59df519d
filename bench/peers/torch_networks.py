"""The benchmark's networks in PyTorch: torchvision's where it has them, the widespread forms of LeNet and U-Net otherwise.
Parameter names are those of our networks, so that all start from the same weights."""
from collections import OrderedDict

import torch
from torch import nn


def stack(**parts):
    return nn.Sequential(OrderedDict(parts))


def lenet5(classes):
    return stack(
        features=nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        ),
        classifier=nn.Sequential(
            nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes),
        ),
    )


def lenet(classes):
    return stack(
        features=nn.Sequential(
            nn.Conv2d(1, 20, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(20, 50, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        ),
        classifier=nn.Sequential(nn.Flatten(), nn.Linear(800, 500), nn.ReLU(inplace=True), nn.Linear(500, classes)),
    )


def double_conv(a, b):
    return stack(
        double_conv=nn.Sequential(
            nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
            nn.Conv2d(b, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
        )
    )


class Up(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.conv = double_conv(2 * width, width)

    def forward(self, x, skip):
        return self.conv(torch.cat([skip, self.up(x)], 1))


class UNet(nn.Module):
    """64 to 1024 channels, padded convolutions with batch norm, transposed convolutions up."""

    def __init__(self, classes):
        super().__init__()
        widths = [64, 128, 256, 512, 1024]
        self.inc = double_conv(3, widths[0])
        for level, (a, b) in enumerate(zip(widths, widths[1:]), 1):
            setattr(self, f"down{level}", stack(maxpool_conv=nn.Sequential(nn.MaxPool2d(2), double_conv(a, b))))
            setattr(self, f"up{level}", Up(widths[-1 - level]))
        self.outc = stack(conv=nn.Conv2d(widths[0], classes, 1))

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x = self.up1(self.down4(x4), x4)
        return self.outc(self.up4(self.up3(self.up2(x, x3), x2), x1))


def vgg11_bn(classes):
    """With the small head for 32x32 images."""
    import torchvision

    return stack(
        features=torchvision.models.vgg11_bn().features, flatten=nn.Flatten(), classifier=nn.Linear(512, classes)
    )


def vgg16(classes):
    import torchvision

    return torchvision.models.vgg16(num_classes=classes)


def googlenet(classes):
    import torchvision

    return torchvision.models.googlenet(num_classes=classes, aux_logits=True, init_weights=False)


NETWORKS = {"lenet5": lenet5, "lenet": lenet, "unet": UNet, "vgg11_bn": vgg11_bn, "vgg16": vgg16, "googlenet": googlenet}
