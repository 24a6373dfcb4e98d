"""Every address of this room."""

from web.access import account_page, provider_pages, sign_in_page, users_page

routers = (
    sign_in_page.router,
    provider_pages.router,
    account_page.router,
    users_page.router,
)
