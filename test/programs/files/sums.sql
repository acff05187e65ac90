-- What a client asks beside pgbench.
CREATE TABLE squares AS SELECT n, n * n AS square FROM generate_series(1, 1000) AS n;
SELECT sum(square) FROM squares WHERE n % 2 = 0;
