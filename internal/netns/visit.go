// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// visitsPerThread is from how many visits on another thread pays.
const visitsPerThread = 16

// Visit runs fn inside each of the namespaces, i being its place in list, and
// returns the errors in the same order. It is for short questions: fn runs on
// ordinary threads that come back, on several at once if there are many
// namespaces, and must leave nothing changed on its thread. Sockets that it
// makes belong to the namespace. A panic in fn ends the process.
//
// The error of a namespace that was closed wraps os.ErrClosed.
func Visit(list []*NS, fn func(i int) error) []error {
	errs := make([]error, len(list))
	if len(list) == 1 && list[0].isHere() {
		errs[0] = fn(0)
		return errs
	}
	workers := min(runtime.GOMAXPROCS(0), len(list)/visitsPerThread+1)
	var wg sync.WaitGroup
	for w := range workers {
		first, end := len(list)*w/workers, len(list)*(w+1)/workers
		wg.Go(func() {
			if err := tour(list[first:end], errs[first:end], func(i int) error { return fn(first + i) }); err != nil {
				for i := first; i < end; i++ {
					errs[i] = errors.Join(errs[i], err)
				}
			}
		})
	}
	wg.Wait()
	return errs
}

// isHere says whether the calling thread is in n, which then stays so: threads
// that are not where the process is serve no other goroutine. Opening what is
// there takes longer than many a question.
func (n *NS) isHere() bool {
	var st unix.Stat_t
	if n.Fd() < 0 || unix.Stat("/proc/thread-self/ns/net", &st) != nil {
		return false
	}
	return st.Dev == n.key.Dev && st.Ino == n.key.Inode
}

// tour visits one namespace after the other. It ends its goroutine's thread if
// that cannot go back.
func tour(list []*NS, errs []error, fn func(i int) error) error {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// Nobody must see the main thread elsewhere (see onThread). As long as this
		// goroutine occupies it, the next one gets another.
		defer runtime.UnlockOSThread()
		done := make(chan error, 1)
		go func() { done <- tour(list, errs, fn) }()
		return <-done
	}
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own netns: %w", err)
	}
	visitAll(list, errs, fn)
	if unix.Setns(home, unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread() // otherwise the thread ends with the goroutine
	}
	return unix.Close(home)
}

func visitAll(list []*NS, errs []error, fn func(i int) error) {
	for i, ns := range list {
		if errs[i] = ns.enter(); errs[i] == nil {
			errs[i] = fn(i)
		}
	}
}
