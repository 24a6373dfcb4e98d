"""The names of what a network may answer; nothing here is a probability yet."""

from torch import Tensor

# By name and shape for n images:
#   fracture    [n]                       logit: does the image show a fracture
#   heatmap     [n, side / 8, side / 8]   logits: where
#   regions     [n, regions]              logits, one for each region, independent of each other
#   hardware    [n]                       logit: are there screws, plates or nails
#   types       [n, types]                logits of one choice among the fracture types
#   strangeness [n]                       how far from anything learned, in mean squared deviations
Answer = dict[str, Tensor]
