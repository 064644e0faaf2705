// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do runs fn inside the namespace and returns its error. fn has an operating
// system thread of its own that ends with it: nothing that fn does to the
// thread is seen outside, and goroutines that fn starts are outside again.
// Sockets and child processes that fn makes belong to the namespace. fn must
// not call runtime.UnlockOSThread. A panic in fn ends the process.
//
// Returns an error that wraps os.ErrClosed after Close.
func (n *NS) Do(fn func() error) error {
	return onThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return fn()
	})
}

func (n *NS) enter() error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.fd < 0 {
		return fmt.Errorf("enter %s: %w", n, os.ErrClosed)
	}
	if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter %s: %w", n, err)
	}
	return nil
}

// errGoexit is returned for a function that calls runtime.Goexit, as FailNow
// of a test does.
var errGoexit = errors.New("function ended its goroutine")

// onThread runs fn on a thread that ends with it. It is never the main thread:
// that one cannot end, so it would keep what fn made of it, and
// /proc/self/ns/net would show another namespace from then on.
func onThread(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// As long as this goroutine occupies the main thread, the next
			// one gets another.
			defer runtime.UnlockOSThread()
			done <- onThread(fn)
			return
		}
		// Not unlocked: the runtime ends the thread with the goroutine.
		done <- fn()
	}()
	err, ok := <-done
	if !ok {
		return errGoexit
	}
	return err
}
