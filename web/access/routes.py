"""Every address of this room."""

from web.access import account_page, sign_in_page, users_page

routers = (sign_in_page.router, account_page.router, users_page.router)
