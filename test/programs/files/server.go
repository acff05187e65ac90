// SPDX-License-Identifier: MIT

// Each answer is made by ten goroutines, each with memory of its own, and a collection.
package main

import (
	"fmt"
	"net/http"
	"runtime"
)

func answer(w http.ResponseWriter, _ *http.Request) {
	parts := make(chan int)
	for part := 0; part < 10; part++ {
		go func(part int) {
			block := make([]byte, 1<<20)
			parts <- part + int(block[part])
		}(part)
	}
	sum := 0
	for part := 0; part < 10; part++ {
		sum += <-parts
	}
	runtime.GC()
	fmt.Fprintf(w, "sum %d\n", sum)
}

func main() {
	http.HandleFunc("/", answer)
	panic(http.ListenAndServe(":80", nil))
}
