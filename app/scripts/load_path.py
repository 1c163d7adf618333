"""Register the host's own paths in Sage: `py3/bin/python app/scripts/load_path.py`."""

from app.access.register_paths import register_paths

ANY = (
    "/login.ui",
    "/login.dspy",
    "/logout.dspy",
    "/whoami.dspy",
    # Who has a one-time link has not signed in yet.
    "/welcome.ui",
    "/welcome.dspy",
    "/bricks/**",
    "/favicon.svg",
)
# The audit trail: what people did, with their addresses.
AUDIT = ("/app_audit/index.ui", "/app_audit/get_app_audit.dspy", "/appbase/audit_entry_view.dspy")
# Views of lists that everybody has.
TEAM_VIEWS = ("/appbase/team_view_save.dspy", "/appbase/team_view_delete.dspy")
RIGHTS = ("/rights.ui", "/rights.dspy", "/appbase/role_matrix.dspy")
USERS = (
    "/users.ui",
    "/appbase/user_list.dspy",
    "/appbase/user_invite.dspy",
    "/appbase/user_state.dspy",
    "/appbase/user_roles.dspy",
    "/appbase/user_link.dspy",
    "/appbase/user_second_factor_reset.dspy",
)
# One's own, and nobody else's.
ACCOUNT = (
    "/account.ui",
    "/appbase/account.dspy",
    "/appbase/account_password.dspy",
    "/appbase/account_session_end.dspy",
    "/appbase/account_second_factor_begin.dspy",
    "/appbase/account_second_factor_confirm.dspy",
    "/appbase/account_second_factor_end.dspy",
    "/appbase/account_recovery_codes.dspy",
)
ROLES = {
    "owner.superuser": (
        *AUDIT,
        *RIGHTS,
        *USERS,
        *TEAM_VIEWS,
        "/appbase/audit_put_back.dspy",
    ),
    "owner.operator": (*AUDIT, *TEAM_VIEWS),
}
# Rows go in through the create endpoint of their table, whose right is asked there.
LOGINED = (
    "/",
    "/index.ui",
    "/dashboard.ui",
    *ACCOUNT,
    "/appbase/get_code.dspy",
    "/appbase/import_rows.dspy",
    "/appbase/search.dspy",
    "/appbase/view_save.dspy",
    "/appbase/view_delete.dspy",
)

if __name__ == "__main__":
    register_paths("pipeline_app", any_=ANY, logined=LOGINED, roles=ROLES)
