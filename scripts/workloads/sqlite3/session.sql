-- SPDX-License-Identifier: MIT
-- Everything that reads, writes, locks, maps, waits or starts something.
.version
.timer on
.log stderr
.trace stderr
.stats on
.eqp on
.echo on
.bail off
CREATE TABLE point (id INTEGER PRIMARY KEY, x REAL, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
  INSERT INTO point SELECT i, random() / 1e9, 'name ' || i FROM n;
.echo off
.eqp off
.stats off
.trace off
CREATE INDEX by_name ON point (name);
CREATE VIRTUAL TABLE text USING fts5(body);
INSERT INTO text SELECT name FROM point;
CREATE VIRTUAL TABLE area USING rtree(id, low, high);
SELECT count(*), avg(x) FROM point WHERE name LIKE 'name 1%';
SELECT date('now', 'localtime'), datetime('now', 'utc'), randomblob(8) IS NULL, strftime('%s');
SELECT sin(1), json('{"a": 1}'), soundex('a');
BEGIN; DELETE FROM point WHERE id % 2; SAVEPOINT s; DELETE FROM point; ROLLBACK;
PRAGMA cache_size = 10;
PRAGMA temp_store = FILE;
CREATE TEMP TABLE sorted AS SELECT * FROM point ORDER BY x DESC, name;
UPDATE point SET x = x + 1;
PRAGMA mmap_size = 1000000;
SELECT sum(length(name)) FROM point;
PRAGMA journal_mode = TRUNCATE; UPDATE point SET x = 1 WHERE id < 9;
PRAGMA journal_mode = PERSIST; UPDATE point SET x = 2 WHERE id < 9;
PRAGMA journal_mode = MEMORY; UPDATE point SET x = 3 WHERE id < 9;
PRAGMA journal_mode = WAL; UPDATE point SET x = 4;
PRAGMA wal_checkpoint(TRUNCATE);
PRAGMA locking_mode = EXCLUSIVE; UPDATE point SET x = 5; PRAGMA locking_mode = NORMAL;
PRAGMA journal_size_limit = 1000;
PRAGMA synchronous = EXTRA; UPDATE point SET x = 6 WHERE id < 9;
PRAGMA fullfsync = ON; PRAGMA integrity_check; PRAGMA optimize; ANALYZE; REINDEX;
PRAGMA auto_vacuum = FULL; VACUUM; PRAGMA incremental_vacuum;
PRAGMA threads = 4; CREATE INDEX by_x ON point (x, name); CREATE INDEX by_all ON point (name, x, id);
PRAGMA temp_store_directory = '/tmp';
VACUUM INTO 'into.db';
ATTACH 'attached.db' AS other; CREATE TABLE other.copy AS SELECT * FROM point; DETACH other;
.timeout 200
.tables
.schema --indent
.fullschema
.indexes
.databases
.dbinfo
.dbconfig
.lint fkey-indexes
.sha3sum
.selftest --init
.show
.limit
.vfsinfo
.vfslist
.vfsname
.filectrl size_limit
.filectrl chunk_size 65536
.filectrl has_moved
.filectrl tempfilename
.filectrl reserve_bytes 0
.filectrl persist_wal 1
.filectrl psow 1
.filectrl lock_timeout 100
.output dump.sql
.dump
.output |cat > piped.txt
SELECT * FROM point LIMIT 100;
.output stdout
.backup copy.db
.save saved.db
.clone cloned.db
.restore copy.db
.mode csv
.once points.csv
SELECT * FROM point LIMIT 1000;
.import --csv points.csv imported
.import "|cat points.csv" piped
.mode box
SELECT * FROM point LIMIT 3;
.once -e
SELECT 1;
.once -x
SELECT 1;
.excel
SELECT 1;
.mode json
SELECT * FROM point LIMIT 3;
.archive --create --file archive.sqlar points.csv dump.sql directory
.archive --list --verbose --file archive.sqlar
.archive --extract --file archive.sqlar --directory extracted
.archive --update --file archive.sqlar points.csv directory
.archive --create --file other.zip points.csv link
.archive --extract --file other.zip --directory extracted
SELECT name, mode, mtime FROM fsdir('directory');
SELECT writefile('written/here/file.txt', 'text', 33188, 1000), writefile('linked', 'points.csv', 41471);
SELECT length(readfile('points.csv')), edit('text', 'true');
SELECT length(zipfile('a', 'b'));
SELECT load_extension('./missing');
.load ./missing
.load ./extension
.shell echo shell
.system echo system
.cd extracted
.shell pwd
.cd ..
.open --new reread.db
.read dump.sql
.read "|echo 'SELECT 2;'"
.recover
.expert
SELECT * FROM point WHERE x > 1;
.parameter set :a 1
.parameter list
.progress 1000
.prompt a b
.scanstats on
.session open main session
.testctrl prng_save
.open --new new.db
CREATE TABLE a (b); INSERT INTO a VALUES (1);
.open --readonly new.db
INSERT INTO a VALUES (2);
.open --append appended.txt
CREATE TABLE a (b);
.open --deserialize new.db
.open --hexdb missing
.open --zip other.zip
SELECT name FROM zip;
.open --nofollow link
.open file:new.db?mode=ro&vfs=unix-dotfile
SELECT * FROM a;
.open file:new.db?vfs=unix-excl
INSERT INTO a VALUES (3);
.open file:dotfile.db?vfs=unix-dotfile
CREATE TABLE a (b); INSERT INTO a VALUES (3);
.open file:new.db?nolock=1&immutable=1
SELECT * FROM a;
.open file:/memdb?vfs=memdb
CREATE TABLE a (b);
.open /proc/missing/directory.db
SELECT * FROM a;
.exit 3
