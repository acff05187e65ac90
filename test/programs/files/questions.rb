#!/usr/bin/ruby
# SPDX-License-Identifier: MIT
# What a Ruby program asks of its machine, a line each: the same on Debian and in a guest.
require 'digest'
require 'etc'
require 'fiddle'
require 'io/console'
require 'json'
require 'open3'
require 'pathname'
require 'securerandom'
require 'socket'
require 'tempfile'
require 'time'
require 'tmpdir'
require 'yaml'

$stdout.sync = true
SCRATCH = Dir.mktmpdir

def t(name)
  puts "#{name} #{yield}"
rescue Exception => e
  puts "#{name} EXC #{e.class} #{e.message[0, 80]}"
end

t('system') { system('exit 3'); $?.exitstatus }
t('backticks') { `echo a b | wc -w`.strip }
t('open3') { Open3.capture2('tr a-z A-Z', stdin_data: 'abc')[0] }
t('spawn') { Process.wait(spawn('/bin/sh', '-c', 'exit 4')); $?.exitstatus }
t('missing') { system('/no/such/program').inspect }
t('fork') { Process.wait(fork { exit!(5) }); $?.exitstatus }
t('signal') { got = Queue.new; trap('USR1') { got << 'got' }; Process.kill('USR1', $$); got.pop }
t('thread') { 4.times.map { |n| Thread.new { n * n } }.sum(&:value) }
t('user') { Etc.getpwuid.name }
t('nobody') { Etc.getpwnam('nobody').uid }
t('group') { Etc.getgrgid(0).name }
t('service') { Socket.getservbyname('imaps') }
t('hostname') { !['', '(none)'].include?(Socket.gethostname) }
t('itself') { !Addrinfo.getaddrinfo(Socket.gethostname, nil).empty? }
t('localhost') { Addrinfo.ip('localhost').ip? }
t('interfaces') { Socket.getifaddrs.map(&:name).include?('lo') }
t('tcp') { server = TCPServer.new('127.0.0.1', 0); client = TCPSocket.new('127.0.0.1', server.addr[1]); server.accept.puts('hi'); client.gets.chomp }
t('unix') { UNIXServer.open("#{SCRATCH}/s") { |_| UNIXSocket.new("#{SCRATCH}/s").peeraddr[0] } }
t('pair') { a, b = UNIXSocket.pair; a.write('x'); b.read(1) }
t('home') { [Dir.home, File.expand_path('~')] }
t('tmp') { Dir.tmpdir }
t('modes') { %w[/ /tmp /run /var/log /root /home].map { |path| format('%o', File.stat(path).mode) } }
t('release') { File.read('/etc/os-release')[/^ID=(.*)/, 1] }
t('zone') { ENV['TZ'] = 'America/New_York'; Time.at(1593600000).strftime('%H %Z') }
t('utc') { ENV['TZ'] = 'UTC'; Time.parse('2020-01-02 03:04:05').utc.iso8601 }
t('encoding') { 'größe'.length }
t('lock') { File.open("#{SCRATCH}/l", 'w') { |file| file.flock(File::LOCK_EX | File::LOCK_NB) } }
t('utime') { File.write("#{SCRATCH}/o", ''); File.utime(1, 10**9, "#{SCRATCH}/o"); File.mtime("#{SCRATCH}/o").to_i }
t('link') { File.symlink('o', "#{SCRATCH}/y"); File.readlink("#{SCRATCH}/y") }
t('tempfile') { Tempfile.create('x') { |file| file.write('abc'); file.flush; file.size } }
t('digest') { Digest::SHA256.hexdigest('abc')[0, 16] }
t('random') { SecureRandom.hex(8).length }
t('json') { JSON.generate('a' => [1, nil]) }
t('yaml') { YAML.load("a: [1, 2]\n").inspect }
t('foreign') { Fiddle::Function.new(Fiddle::Handle::DEFAULT['inotify_init'], [], Fiddle::TYPE_INT).call > 0 }
t('limit') { Process.getrlimit(:NOFILE)[0] >= 1024 }
t('cpus') { Etc.nprocessors > 0 }
t('clock') { Process.clock_gettime(Process::CLOCK_MONOTONIC) > 0 }
t('groups') { Process.groups.is_a?(Array) }
t('entropy') { File.binread('/dev/urandom', 16).length }
