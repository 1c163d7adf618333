"""
The collation of names that are unique.

utf8mb4_unicode_ci, which the tables have, takes every letter beyond U+FFFF for every other: two
names that differ in an emoji or a rare Han character only would be one. Those here tell them apart.
"""

from typing import Any

import aiomysql

# The first that a server has is taken. Of these only the last tells capitals from small letters;
# it is for servers that know neither MariaDB's nor MySQL's newer ones.
NAME_COLLATIONS = ("utf8mb4_uca1400_as_ci", "utf8mb4_0900_as_ci", "utf8mb4_bin")
_UNKNOWN_COLLATION = 1273


async def name_collation(connection: Any) -> str | None:
    """
    Return the first of NAME_COLLATIONS that a temporary table can be made with.

    None where no temporary table can be made at all, so that nobody knows.
    """
    async with connection.cursor() as cursor:
        for collation in NAME_COLLATIONS:
            try:
                await cursor.execute(
                    "create temporary table app_collation_trial"
                    f" (name varchar(1) character set utf8mb4 collate {collation})"
                )
            except aiomysql.MySQLError as exc:
                if exc.args and exc.args[0] == _UNKNOWN_COLLATION:
                    continue
                return None
            await cursor.execute("drop temporary table app_collation_trial")
            return collation
    return None
