// SPDX-License-Identifier: MIT

// Reads the file it is given, starts goroutines that need threads, talks to itself over loopback, sleeps.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"time"
)

func main() {
	content, err := os.ReadFile(os.Args[1])
	check(err)

	var all sync.WaitGroup
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			runtime.LockOSThread()
			time.Sleep(5 * time.Millisecond)
		}()
	}
	all.Wait()
	preempt()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
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
	fmt.Printf("%d lines, %d bytes received\n", bytes.Count(content, []byte("\n")), len(received))
}

// A collection has to stop a loop that calls nothing: the runtime sends its thread a signal.
func preempt() {
	var stop int32
	go func() {
		for i := 0; stop == 0; i++ {
		}
	}()
	for i := 0; i < 20; i++ {
		time.Sleep(time.Millisecond)
		runtime.GC()
	}
	stop = 1
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
