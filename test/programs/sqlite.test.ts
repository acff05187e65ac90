// SPDX-License-Identifier: MIT
import { testCommand } from "../support/programs.js";

const statements = [
  "CREATE TABLE squares AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000)",
  "SELECT n, n * n AS square FROM c;",
  "CREATE INDEX by_square ON squares (square);",
  "BEGIN; UPDATE squares SET square = -square WHERE n % 3 = 0; ROLLBACK;",
  "SELECT count(*), sum(square) FROM squares WHERE square BETWEEN 100 AND 1000000;",
  "PRAGMA integrity_check;",
];

testCommand({
  name: "sqlite3",
  workload: "a table of 20 000 rows in a file, an index, a transaction",
  configuration: () => ({
    program: "/usr/bin/sqlite3",
    mask: { default: "kill" },
    args: ["/tmp/ukl-squares.db", "DROP TABLE IF EXISTS squares;", statements.join(" ")],
  }),
});
