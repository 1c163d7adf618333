"""What the application's user lacks in the database, as the SQL that an administrator runs."""

from typing import Any

# A user as the views of privileges have it: 'name'@'host'.
_GRANTEE = "concat('''', replace(current_user(), '@', '''@'''), '''')"
_RIGHTS = f"""
select count(*) from (
  select privilege_type, grantee from information_schema.user_privileges
  union all
  select privilege_type, grantee from information_schema.schema_privileges
  where database() like table_schema
) rights where privilege_type = %s and grantee = {_GRANTEE}
"""  # noqa: S608
_GLOBAL = f"""
select count(*) from information_schema.user_privileges
where privilege_type not in ('USAGE', 'SHOW DATABASES') and grantee = {_GRANTEE}
"""  # noqa: S608
_SERVER = (
    "show global variables where variable_name in"
    " ('log_bin', 'wsrep_on', 'log_bin_trust_function_creators')"
)


async def trigger_remedies(connection: Any) -> list[str]:
    """
    Return the statements that let this user make triggers; none where nothing is missing.

    A server that writes a binary log, or replicates to a cluster, wants SUPER beside the right to
    triggers, or to be told to trust those who have the latter. The setting holds for one server.
    """
    remedies = []
    async with connection.cursor() as cursor:
        await cursor.execute("select database(), current_user()")
        database, user = await cursor.fetchone()
        if not await has_privilege(cursor, "TRIGGER"):
            name, _, host = str(user).rpartition("@")
            remedies.append(f"GRANT TRIGGER ON `{database}`.* TO '{name}'@'{host}';")
        await cursor.execute(_SERVER)
        variables = {str(name): value == "ON" for name, value in await cursor.fetchall()}
        replicates = variables.get("log_bin") or variables.get("wsrep_on")
        if replicates and not variables.get("log_bin_trust_function_creators"):
            if not await has_privilege(cursor, "SUPER"):
                remedies.append("SET GLOBAL log_bin_trust_function_creators = 1;")
    return remedies


async def has_privilege(cursor: Any, privilege: str) -> bool:
    """Return whether the user has the *privilege* in the database; one by a role counts as had."""
    await cursor.execute("select count(*) from information_schema.applicable_roles")
    if (await cursor.fetchone())[0]:
        return True
    await cursor.execute(_RIGHTS, (privilege,))
    return bool((await cursor.fetchone())[0])


async def has_global_privileges(cursor: Any) -> bool:
    """Return whether the user has rights on the whole server."""
    await cursor.execute(_GLOBAL)
    return bool((await cursor.fetchone())[0])
