"""From a card's or a recipe's few words to the network itself."""

from model.card import NetworkSpec
from model.networks.localising import LocalisingNetwork
from model.networks.plain import PlainNetwork

Network = LocalisingNetwork | PlainNetwork


def build_network(spec: NetworkSpec) -> Network:
    """With random weights."""
    return LocalisingNetwork(spec) if spec.kind == "localising" else PlainNetwork(spec)
