"""What a PostgreSQL is asked, live or restored: which tables it has, how many rows, how new the newest."""

#: Every ordinary or partitioned table that belongs to the shop, not to PostgreSQL or an extension: its name as in a
#: record (without `public`), and as quoted in SQL.
TABLES = """
SELECT coalesce(json_agg(json_build_array(
         CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END,
         format('%I.%I', n.nspname, c.relname)) ORDER BY 1), '[]')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
   AND c.relpersistence <> 't'
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e');
"""


def count_rows(tables: dict[str, str]) -> str:
    """SQL that answers one line of JSON a table: its name and its rows.

    Sequential scans only: the rows themselves are read, not an index that may remember what is gone.
    """
    lines = ["SET enable_indexonlyscan = off; SET enable_indexscan = off; SET enable_bitmapscan = off;"]
    lines += [f"SELECT json_build_array({_text(name)}, count(*)) FROM {at};" for name, at in tables.items()]  # noqa: S608 - format('%I') has quoted it
    return "\n".join(lines)


def newest_row(table: str, column: str) -> str:
    """SQL that answers the newest time in a column as JSON; `table` as quoted in SQL."""
    return f"SELECT coalesce(to_json(max({_identifier(column)})), 'null') FROM {table};"  # noqa: S608 - quoted


def one_value(query: str) -> str:
    """SQL that answers the rows of a user's query as a JSON list of objects."""
    inner = query.strip().rstrip(";")
    return f"SELECT coalesce(json_agg(to_json(answer)), '[]') FROM (\n{inner}\n) AS answer;"  # noqa: S608 - the user's own


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
