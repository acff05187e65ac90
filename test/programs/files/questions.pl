#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# What a Perl program asks of its machine, a line each: the same on Debian and in a guest.
use strict;
use warnings;
no warnings 'exec';
use Cwd qw(getcwd);
use Encode qw(decode);
use Errno qw(ENOENT);
use Fcntl qw(:flock :mode);
use File::Basename qw(basename);
use File::Find qw(find);
use File::Spec;
use File::Temp qw(tempdir tempfile);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use List::Util qw(sum);
use POSIX ();
use Socket qw(getaddrinfo SOCK_STREAM);
use Sys::Hostname qw(hostname);
use Time::HiRes qw(usleep);
use Time::Local qw(timegm);

$| = 1;
my $scratch = tempdir(CLEANUP => 1);

sub t {
	my ($name, $ask) = @_;
	my @answer = eval { $ask->() };
	print "$name ", ($@ ? "EXC $@" : join(' ', map { defined ? $_ : 'undef' } @answer)), "\n";
}

sub status { return ($? >> 8, $? & 127) }

t('system', sub { system('exit 3;'); status() });
t('backticks', sub { my $text = `echo a b | wc -w`; $text =~ s/\s//g; $text });
t('pipe', sub { open(my $pipe, '-|', 'sort -r', ()) or die $!; close $pipe; status() });
t('open2', sub { open(my $pipe, '|-', "cat > $scratch/piped") or die $!; print $pipe "x\n"; close $pipe; -s "$scratch/piped" });
t('exec list', sub { system { '/bin/sh' } 'sh', '-c', 'exit 4'; status() });
t('missing', sub { my $ended = system('/no/such/program'); ($ended, $! == ENOENT ? 'ENOENT' : $!) });
t('fork', sub { my $pid = fork // die $!; POSIX::_exit(5) if !$pid; waitpid($pid, 0); status() });
t('signal', sub { my $got = 0; local $SIG{USR1} = sub { $got++ }; kill USR1 => $$; $got });
t('alarm', sub { my $got = 0; local $SIG{ALRM} = sub { $got++ }; POSIX::alarm(1); select(undef, undef, undef, 5); $got });
t('user', sub { (getpwuid($<))[0, 7] });
t('nobody', sub { scalar getpwnam('nobody') });
t('group', sub { scalar getgrgid(0) });
t('service', sub { scalar getservbyname('imaps', 'tcp') });
t('protocol', sub { scalar getprotobyname('udp') });
t('hostname', sub { my $name = hostname(); $name ne '' && $name ne '(none)' ? 'named' : $name });
t('itself', sub { my ($error, @found) = getaddrinfo(hostname(), '', { socktype => SOCK_STREAM }); "$error" || (@found > 0) });
t('localhost', sub { Socket::inet_ntoa(scalar gethostbyname('localhost')) });
t('tcp', sub {
	my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $@;
	my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->sockport) or die $@;
	my $served = $server->accept;
	print $served "hi\n";
	close $served;
	my $line = <$client>;
	chomp $line;
	$line;
});
t('unix', sub {
	my $server = IO::Socket::UNIX->new(Listen => 1, Local => "$scratch/socket") or die $!;
	IO::Socket::UNIX->new(Peer => "$scratch/socket") ? 'connected' : $!;
});
t('home', sub { ($ENV{HOME}, (glob('~'))[0]) });
t('tmp', sub { File::Spec->tmpdir });
t('modes', sub { map { sprintf '%o', (stat)[2] } qw(/ /tmp /run /var/log /root /home /etc) });
t('owner', sub { (stat '/')[4, 5] });
t('links', sub { readlink '/var/run' });
t('release', sub { open(my $file, '<', '/etc/os-release') or die $!; grep { s/^ID=(.*)\n/$1/ } <$file> });
t('zone', sub { local $ENV{TZ} = 'America/New_York'; POSIX::tzset(); POSIX::strftime('%H %Z', localtime(1593600000)) });
t('back', sub { local $ENV{TZ} = 'UTC'; POSIX::tzset(); POSIX::strftime('%F %T', gmtime(timegm(1, 2, 3, 4, 5, 120))) });
t('locale', sub { POSIX::setlocale(POSIX::LC_ALL(), 'C.UTF-8') });
t('collate', sub { join '', sort { lc $a cmp lc $b } qw(b A c) });
t('utf8', sub { length decode('UTF-8', "gr\xc3\xb6\xc3\x9fe") });
t('lock', sub { open(my $file, '>', "$scratch/lock") or die $!; flock($file, LOCK_EX | LOCK_NB) ? 'locked' : $! });
t('find', sub { my $count = 0; find(sub { $count++ }, '/usr/share/zoneinfo/Europe'); $count > 40 ? 'many' : $count });
t('utime', sub { open(my $file, '>', "$scratch/old") or die $!; close $file; utime 1, 1_000_000_000, "$scratch/old"; (stat "$scratch/old")[9] });
t('rename', sub { rename("$scratch/old", "$scratch/new") or die $!; -e "$scratch/new" ? 'there' : 'gone' });
t('sums', sub { require Digest::SHA; substr Digest::SHA::sha256_hex('abc'), 0, 16 });
t('json', sub { require JSON::PP; JSON::PP->new->canonical->encode({ a => [1, 2], b => undef }) });
t('limit', sub { POSIX::sysconf(POSIX::_SC_OPEN_MAX()) >= 1024 ? 'enough' : 'few' });
t('cpu', sub { open(my $file, '<', '/proc/cpuinfo') or die $!; (grep { /^processor/ } <$file>) > 0 ? 'some' : 'none' });
t('self', sub { basename(readlink '/proc/self/exe') });
t('random', sub { open(my $file, '<', '/dev/urandom') or die $!; read($file, my $bytes, 16) });
