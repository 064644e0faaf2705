// SPDX-License-Identifier: Apache-2.0

package netns_test

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/testutil"
)

func TestDoRunsInsideAndNowhereElse(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	var inside, spawned string
	err := ns.Do(func() (err error) {
		if inside, err = threadNetns(); err != nil {
			return err
		}
		other := make(chan error)
		go func() {
			var err error
			spawned, err = threadNetns()
			other <- err
		}()
		return <-other
	})
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(inside, "net:["+strconv.Itoa(int(ns.Inode()))+"]"))
	qt.Assert(t, qt.Not(qt.Equals(spawned, inside)))
}

func TestDoEndsItsThread(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	var tid int
	qt.Assert(t, qt.IsNil(ns.Do(func() error { tid = unix.Gettid(); return nil })))
	testutil.Eventually(t, waitTime, func() bool {
		_, err := os.Stat("/proc/self/task/" + strconv.Itoa(tid))
		return errors.Is(err, os.ErrNotExist)
	}, "the thread is gone")
}

// The main thread never ends, and /proc/self/ns/net is its namespace: were it
// taken, the whole process would seem to live in the container from then on.
// Not parallel: other tests may occupy the main thread.
func TestDoNeverTakesTheMainThread(t *testing.T) {
	ns := testutil.Netns(t)
	before, err := os.Readlink("/proc/self/ns/net")
	qt.Assert(t, qt.IsNil(err))
	// A goroutine started on the main thread usually gets it when its starter
	// waits.
	for range 20 {
		var tid int
		testutil.Eventually(t, waitTime, func() bool {
			return onMainThread(func() {
				err = ns.Do(func() error { tid = unix.Gettid(); return nil })
			})
		}, "a goroutine is on the main thread")
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.Not(qt.Equals(tid, unix.Getpid())))
	}
	after, err := os.Readlink("/proc/self/ns/net")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(after, before))
}

func TestDoReturnsTheErrorOfTheFunction(t *testing.T) {
	t.Parallel()
	err := testutil.Netns(t).Do(func() error { return unix.EXDEV })
	qt.Assert(t, qt.Equals(err, error(unix.EXDEV)))
}

func TestDoOutlivesGoexit(t *testing.T) {
	t.Parallel()
	err := testutil.Netns(t).Do(func() error { runtime.Goexit(); return nil })
	qt.Assert(t, qt.ErrorMatches(err, "function ended its goroutine"))
}

// onMainThread runs fn on the main thread, not locked to it. It gets there by
// occupying threads until the main one is among them, and reports false if
// that one is not to be had, for example because it waits in the poller.
func onMainThread(fn func()) (isMain bool) {
	found, release := make(chan bool), make(chan struct{})
	var group sync.WaitGroup
	for n := 0; n < 50 && !isMain; n++ {
		group.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if unix.Gettid() != unix.Getpid() {
				found <- false
				<-release
				return
			}
			runtime.UnlockOSThread()
			fn()
			runtime.LockOSThread()
			found <- true
		})
		isMain = <-found
	}
	close(release)
	group.Wait()
	return isMain
}

func threadNetns() (string, error) { return os.Readlink("/proc/thread-self/ns/net") }
