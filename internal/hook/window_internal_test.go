// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/testutil"
)

var errFn = errors.New("fn")

// fakeHost is a directory with what a window reads and writes of the kernel.
type fakeHost struct {
	dir string
	w   *Window
}

func newFakeHost(t *testing.T) fakeHost {
	t.Helper()
	dir := t.TempDir()
	h := fakeHost{dir: dir}
	h.w = h.window()
	for file, content := range map[string]string{
		"expedited": "0\n", "normal": "0\n", "realtime": "0\n",
		"nohz_full": "(null)\n", "isolated": "\n",
	} {
		h.write(t, file, content)
	}
	return h
}

// window returns that of another instance on the same host.
func (h fakeHost) window() *Window {
	path := func(name string) string { return filepath.Join(h.dir, name) }
	return &Window{
		maxWait: time.Minute,
		files: kernelFiles{
			expedited: path("expedited"), normal: path("normal"), realtime: path("realtime"),
			nohzFull: path("nohz_full"), isolated: path("isolated"),
		},
	}
}

func (h fakeHost) write(t *testing.T, file, content string) {
	t.Helper()
	path := filepath.Join(h.dir, file)
	qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
	qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(content), 0o644)))
}

func (h fakeHost) value(t *testing.T) string {
	t.Helper()
	value, err := readLine(h.w.files.expedited)
	qt.Assert(t, qt.IsNil(err))
	return value
}

// aLot of changes is worth any wait for other windows.
const aLot = 1 << 20

func TestWindowIsOpenForTheCallOnly(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	err := h.w.Do(1, func() error {
		qt.Check(t, qt.Equals(h.value(t), openValue))
		return errFn
	})
	qt.Check(t, qt.ErrorIs(err, errFn))
	qt.Check(t, qt.Equals(h.value(t), "0"))
}

func TestWindowClosesWhenTheCallPanics(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	qt.Check(t, qt.PanicMatches(func() {
		_ = h.w.Do(1, func() error { panic("in the window") }) // does not return
	}, "in the window"))
	qt.Check(t, qt.Equals(h.value(t), "0"))
	qt.Check(t, qt.IsNil(h.w.Do(1, func() error { // nor is the lock held
		qt.Check(t, qt.Equals(h.value(t), openValue))
		return nil
	})))
}

func TestWindowLeavesTheHostsOwnValueAsItIs(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"1", "2", "-1"} {
		h := newFakeHost(t)
		h.write(t, "expedited", value+"\n")
		ran := false
		qt.Check(t, qt.IsNil(h.w.Do(1, func() error {
			ran = true
			qt.Check(t, qt.Equals(h.value(t), value))
			return nil
		})))
		qt.Check(t, qt.IsTrue(ran))
		qt.Check(t, qt.Equals(h.value(t), value))
	}
}

func TestWindowRespectsAChangeMadeInside(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	qt.Check(t, qt.IsNil(h.w.Do(1, func() error { h.write(t, "expedited", "1\n"); return nil })))
	qt.Check(t, qt.Equals(h.value(t), "1"))
}

func TestWindowStaysClosedWhereItWouldHarm(t *testing.T) {
	t.Parallel()
	for file, content := range map[string]string{
		"normal": "1\n", "realtime": "1\n", "nohz_full": "2-3\n", "isolated": "3\n",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			h := newFakeHost(t)
			h.write(t, file, content)
			err := h.w.Do(1, func() error {
				qt.Check(t, qt.Equals(h.value(t), "0"))
				return errFn
			})
			qt.Check(t, qt.ErrorIs(err, errFn))
			qt.Check(t, qt.Equals(h.value(t), "0"))
		})
	}
}

func TestWindowOpensWithoutTheFilesOfRarerKernels(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	for _, path := range []string{h.w.files.realtime, h.w.files.nohzFull} {
		qt.Assert(t, qt.IsNil(os.Remove(path)))
	}
	qt.Check(t, qt.IsNil(h.w.Do(1, func() error {
		qt.Check(t, qt.Equals(h.value(t), openValue))
		return nil
	})))
}

func TestWindowWithoutTheSetting(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	qt.Assert(t, qt.IsNil(os.Remove(h.w.files.expedited)))
	qt.Check(t, qt.ErrorIs(h.w.Do(1, func() error { return errFn }), errFn))
	_, err := os.Stat(h.w.files.expedited)
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
}

func TestWindowsTakeTurns(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	other := h.window()
	inside, leave, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- other.Do(1, func() error { close(inside); <-leave; return nil })
	}()
	<-inside
	// Living: its value is no business of a repair.
	qt.Check(t, qt.IsNil(h.w.repair()))
	qt.Check(t, qt.Equals(h.value(t), openValue))

	second := make(chan error)
	go func() {
		second <- h.w.Do(aLot, func() error {
			qt.Check(t, qt.Equals(h.value(t), openValue))
			return nil
		})
	}()
	close(leave)
	qt.Check(t, qt.IsNil(<-done))
	qt.Check(t, qt.IsNil(<-second))
	qt.Check(t, qt.Equals(h.value(t), "0"))
}

func TestWindowOfAnotherIsNotWaitedForLongerThanItSaves(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		changes       int
		maxWait       time.Duration
		atLeast, most time.Duration
	}{
		"few changes":  {3, 10 * time.Second, 3 * gracePeriod, 5 * time.Second},
		"many changes": {aLot, 50 * time.Millisecond, 50 * time.Millisecond, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFakeHost(t)
			err := h.window().Do(1, func() error {
				h.w.maxWait = test.maxWait
				ran, start := false, time.Now()
				qt.Check(t, qt.IsNil(h.w.Do(test.changes, func() error { ran = true; return nil })))
				qt.Check(t, qt.IsTrue(ran))
				qt.Check(t, qt.IsTrue(time.Since(start) >= test.atLeast))
				qt.Check(t, qt.IsTrue(time.Since(start) < test.most))
				qt.Check(t, qt.Equals(h.value(t), openValue)) // the other's
				return nil
			})
			qt.Check(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(h.value(t), "0"))
		})
	}
}

func TestRepairAfterADeath(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		openValue: "0", // inside the window
		"0":       "0",
		"1":       "1", // somebody else's
	} {
		h := newFakeHost(t)
		h.write(t, "expedited", value+"\n")
		qt.Check(t, qt.IsNil(h.w.repair()))
		qt.Check(t, qt.Equals(h.value(t), want))
	}
}

func TestWindowMendsWhatADeadInstanceLeft(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	h.write(t, "expedited", openValue+"\n")
	qt.Check(t, qt.IsNil(h.w.Do(1, func() error {
		qt.Check(t, qt.Equals(h.value(t), openValue))
		return nil
	})))
	qt.Check(t, qt.Equals(h.value(t), "0"))
}

func TestRepairWithoutTheSetting(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	qt.Assert(t, qt.IsNil(os.Remove(h.w.files.expedited)))
	qt.Check(t, qt.IsNil(h.w.repair()))
}

func TestRepairSaysWhatItCouldNotDo(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	h.write(t, "expedited", openValue+"\n")
	qt.Assert(t, qt.IsNil(os.Chmod(h.dir, 0o755)))
	qt.Assert(t, qt.IsNil(os.Chmod(filepath.Dir(h.dir), 0o755)))
	err := testutil.Netns(t).Do(func() error { // on a thread that ends with it
		const nobody = 65534
		if err := unix.Setfsuid(nobody); err != nil {
			return err
		}
		return h.w.repair()
	})
	qt.Check(t, qt.ErrorMatches(err, "repair .*/expedited: .*"))
	qt.Check(t, qt.ErrorIs(err, unix.EACCES))
}
