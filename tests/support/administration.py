"""What only the database's administrator may do."""

from tests.support.installation import Installation


def administrate(installation: Installation, *statements: str) -> None:
    """Run *statements* as the administrator of the installation's database server."""
    admin = installation.mariadb.admin_connection()
    assert admin is not None, "the database was never started"
    with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
