"""A small CNN: what a first course in image recognition builds, for comparison."""

from torch import Tensor, nn

_CHANNELS = (16, 32, 64, 128)
_GRID = 7
_HIDDEN = 128


class SmallCnn(nn.Module):
    """Four blocks of convolution, ReLU and pooling, then two fully connected layers."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        channels = 3
        for wider in _CHANNELS:
            blocks += [nn.Conv2d(channels, wider, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            channels = wider
        self.features = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(_GRID))
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * _GRID * _GRID, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        classes: Tensor = self.classifier(self.features(images))
        return classes
