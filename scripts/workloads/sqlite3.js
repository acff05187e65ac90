// SPDX-License-Identifier: MIT
// sqlite3: tables, an index, queries, a rolled back transaction, write-ahead log, dump, backup, vacuum.
export const workloads = [{ name: "sqlite3", binary: "/usr/bin/sqlite3", run }];

const script = `
CREATE TABLE point (id INTEGER PRIMARY KEY, x REAL, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
  INSERT INTO point SELECT i, random() / 1e9, 'name ' || i FROM n;
CREATE INDEX by_name ON point (name);
SELECT count(*), avg(x) FROM point WHERE name LIKE 'name 1%';
SELECT date('now', 'localtime'), datetime('now');
BEGIN; DELETE FROM point WHERE id % 2; ROLLBACK;
PRAGMA integrity_check;
.tables
.schema
.timer on
.output dump.sql
.dump
.output stdout
.backup copy.db
PRAGMA journal_mode = WAL;
UPDATE point SET x = x + 1;
PRAGMA wal_checkpoint;
.mode csv
.once points.csv
SELECT * FROM point;
.import points.csv imported
.shell true
DROP TABLE imported;
VACUUM;
`;

async function run(context) {
  await context.trace(["-version"]);
  await context.trace(["test.db"], { input: script });
  await context.trace(["test.db", "SELECT max(id) FROM point;"]);
  await context.trace(["again.db", ".read dump.sql"]);
  await context.trace([], { input: "CREATE TABLE t (a); INSERT INTO t VALUES (1); SELECT * FROM t;\n" });
}
