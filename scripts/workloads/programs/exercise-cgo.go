// SPDX-License-Identifier: MIT

// Go with C: linked against libc, with C's main and resolver. Looks up a name, talks to itself over loopback.
package main

// #include <unistd.h>
import "C"

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"time"
)

func main() {
	content, err := os.ReadFile(os.Args[1])
	check(err)
	_, err = user.Current()
	check(err)
	C.usleep(1000)

	listener, err := net.Listen("tcp", "localhost:0")
	check(err)
	go func() {
		peer, err := net.Dial("tcp", listener.Addr().String())
		check(err)
		peer.Write([]byte("hello"))
		peer.Close()
	}()
	accepted, err := listener.Accept()
	check(err)
	received, err := io.ReadAll(accepted)
	check(err)

	time.Sleep(20 * time.Millisecond)
	fmt.Printf("%d bytes read, %d received\n", len(content), len(received))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
