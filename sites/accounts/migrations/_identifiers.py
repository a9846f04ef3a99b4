"""Time-ordered keys for rows written by plain SQL.

PostgreSQL 18 brings `uuidv7()`; the embedded server of the one-command start is older and gets the same by the layout
of RFC 9562: 48 bits of Unix milliseconds, version 7, then random bits.
"""

MAKE_UUIDV7 = """
DO $do$ BEGIN
    IF to_regprocedure('uuidv7()') IS NULL THEN
        CREATE FUNCTION uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
            SELECT encode(
                set_bit(set_bit(
                    overlay(uuid_send(gen_random_uuid())
                            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                            FROM 1 FOR 6),
                    52, 1), 53, 1), 'hex')::uuid
        $$;
    END IF;
END $do$;
"""
