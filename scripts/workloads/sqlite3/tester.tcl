# SPDX-License-Identifier: MIT
# Takes the place of the tester.tcl of SQLite's sources, which needs a build of the library with test hooks: enough to
# run the tests of the command line, shell*.test, with an installed sqlite3. What a test does to a database in its own
# process is left out, so some results differ; nothing is checked.
proc test_cli_invocation {} { return $::env(SQLITE3) }
proc test_find_cli {} { return $::env(SQLITE3) }
proc do_test {name script args} { catch { uplevel #0 $script } }
proc ifcapable {condition script args} { uplevel 1 $script }
proc forcedelete args { file delete -force -- {*}$args }
proc finish_test {} { exit 0 }

proc catchcmd {arguments {commands ""}} {
  set file [open cmds.txt w]
  fconfigure $file -translation binary
  puts $file $commands
  close $file
  set failed [catch { eval exec $::env(SQLITE3) $arguments < cmds.txt } output]
  list $failed $output
}
proc catchcmdex args { catchcmd {*}$args }

# The database of the test's own process, and everything else of the library.
proc unknown args { return "" }
