// SPDX-License-Identifier: MIT
// redis-server: benchmark commands, both kinds of persistence, a restart from them, SHUTDOWN.
export const workloads = [{ name: "redis-server", binary: "/usr/bin/redis-server", run }];

async function run(context) {
  const port = await context.freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", context.scratch, "--appendonly", "yes"];
  const cli = (...command) => context.client("redis-cli", ["-p", `${port}`, ...command]);
  const first = context.start([...args, "--io-threads", "2"]);
  await context.waitForPort(port);
  const tests = "ping,set,get,incr,lpush,lpop,sadd,hset,zadd,mset";
  await context.client("redis-benchmark", ["-p", `${port}`, "-q", "-n", "400", "-c", "8", "-t", tests]);
  await cli("SET", "kept", "yes", "EX", "100");
  await cli("EVAL", "return redis.call('GET', 'kept')", "0");
  await cli("INFO");
  await cli("BGSAVE");
  await context.pause(700);
  await cli("BGREWRITEAOF");
  await context.pause(700);
  await cli("CONFIG", "SET", "maxmemory", "100mb");
  await cli("FLUSHALL", "ASYNC");
  await cli("SHUTDOWN", "SAVE");
  await first.ended();
  const second = context.start(args);
  await context.waitForPort(port);
  await cli("DBSIZE");
  await second.stop("SIGTERM");
}
