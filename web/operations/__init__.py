"""The operations page: what the node does, what is stuck, and what an administrator may do."""

from web.operations.actions import router as actions
from web.operations.desk import Desk
from web.operations.routes import router as looks

routers = (looks, actions)

__all__ = ["Desk", "routers"]
