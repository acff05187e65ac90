#!/usr/bin/php
<?php
// SPDX-License-Identifier: MIT
// What a PHP program asks of its machine, a line each: the same on Debian and in a guest.
error_reporting(0);
$scratch = sys_get_temp_dir() . '/questions' . getmypid();
mkdir($scratch);

function t(string $name, callable $ask): void
{
	try {
		$answer = $ask();
	} catch (Throwable $e) {
		$answer = 'EXC ' . get_class($e) . ' ' . substr($e->getMessage(), 0, 80);
	}
	echo $name, ' ', json_encode($answer), "\n";
}

function status(string $command): int
{
	exec($command, $lines, $status);
	return $status;
}

t('exec', fn () => status('exit 3'));
t('shell', fn () => trim(shell_exec('echo a b | wc -w')));
t('popen', function () { $pipe = popen('sort -r', 'w'); fwrite($pipe, ''); return pclose($pipe); });
t('open', function () {
	$process = proc_open(['/bin/sh', '-c', 'cat; exit 4'], [['pipe', 'r'], ['pipe', 'w']], $pipes);
	fwrite($pipes[0], 'text');
	fclose($pipes[0]);
	return [stream_get_contents($pipes[1]), proc_close($process)];
});
t('quoted', fn () => trim(shell_exec('echo ' . escapeshellarg("it's"))));
t('missing', fn () => status('/no/such/program 2>/dev/null'));
t('user', fn () => get_current_user());
t('service', fn () => getservbyname('imaps', 'tcp'));
t('protocol', fn () => getprotobyname('udp'));
t('hostname', fn () => !in_array(gethostname(), ['', '(none)'], true));
t('node', fn () => php_uname('n') === gethostname());
t('itself', fn () => gethostbyname(gethostname()) !== gethostname());
t('localhost', fn () => gethostbyname('localhost'));
t('tcp', function () {
	$server = stream_socket_server('tcp://127.0.0.1:0');
	$client = stream_socket_client('tcp://' . stream_socket_get_name($server, false));
	fwrite(stream_socket_accept($server), "hi\n");
	return trim(fgets($client));
});
t('unix', function () use ($scratch) {
	$server = stream_socket_server("unix://$scratch/socket");
	return is_resource(stream_socket_client("unix://$scratch/socket"));
});
t('pair', function () {
	[$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
	fwrite($a, 'x');
	return fread($b, 1);
});
t('interfaces', fn () => array_key_exists('lo', net_get_interfaces()));
t('home', fn () => getenv('HOME'));
t('tmp', fn () => sys_get_temp_dir());
t('modes', fn () => array_map(fn ($path) => decoct(fileperms($path)), ['/', '/tmp', '/run', '/var/log', '/root', '/home']));
t('release', fn () => parse_ini_file('/etc/os-release')['ID']);
t('zone', fn () => (new DateTime('2020-07-01 12:00', new DateTimeZone('Europe/Berlin')))->format('T P'));
t('locale', fn () => setlocale(LC_ALL, 'C.UTF-8'));
t('lock', function () use ($scratch) { return flock(fopen("$scratch/lock", 'w'), LOCK_EX | LOCK_NB); });
t('touch', function () use ($scratch) { touch("$scratch/old", 1000000000); return filemtime("$scratch/old"); });
t('link', function () use ($scratch) { symlink('old', "$scratch/link"); return readlink("$scratch/link"); });
t('tempfile', fn () => fwrite(tmpfile(), 'abc'));
t('glob', fn () => count(glob('/etc/*')) > 3);
t('disk', fn () => disk_free_space('/') > 0);
t('load', fn () => count(sys_getloadavg()));
t('random', fn () => strlen(random_bytes(16)));
t('hash', fn () => substr(hash('sha256', 'abc'), 0, 16));
t('json', fn () => json_decode('{"a":[1,2]}', true));
t('regex', fn () => preg_match('/^\p{Lu}/u', "\u{00d6}"));
t('serialize', fn () => unserialize(serialize([1, 'a' => null])));
t('filter', fn () => filter_var('a@example.org', FILTER_VALIDATE_EMAIL));
t('stat', fn () => fileowner('/'));
t('memory', fn () => memory_get_usage() > 0);
