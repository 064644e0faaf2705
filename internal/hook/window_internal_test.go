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
		"nohz_full": "(null)\n", "isolated": "\n", "boot_id": "boot-1\n",
	} {
		h.write(t, file, content)
	}
	return h
}

// window returns that of another instance on the same host.
func (h fakeHost) window() *Window {
	path := func(name string) string { return filepath.Join(h.dir, name) }
	return &Window{
		stateDir: path("run/state"),
		wait:     time.Minute,
		files: kernelFiles{
			expedited: path("expedited"), normal: path("normal"), realtime: path("realtime"),
			nohzFull: path("nohz_full"), isolated: path("isolated"), bootID: path("boot_id"),
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
	raw, err := os.ReadFile(h.w.files.expedited)
	qt.Assert(t, qt.IsNil(err))
	return string(raw[:1])
}

// checkClean sees that the value is want and that no state is left.
func (h fakeHost) checkClean(t *testing.T, want string) {
	t.Helper()
	qt.Check(t, qt.Equals(h.value(t), want))
	_, err := os.Stat(h.w.stateDir)
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
}

func TestWindowIsOpenForTheCallOnly(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	err := h.w.Do(func() error {
		qt.Check(t, qt.Equals(h.value(t), "1"))
		state, err := os.ReadFile(h.w.statePath())
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(string(state), "0 boot-1\n"))
		return errFn
	})
	qt.Check(t, qt.ErrorIs(err, errFn))
	h.checkClean(t, "0")
}

func TestWindowClosesWhenTheCallPanics(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	qt.Check(t, qt.PanicMatches(func() {
		_ = h.w.Do(func() error { panic("in the window") }) // does not return
	}, "in the window"))
	h.checkClean(t, "0")
}

func TestWindowLeavesAValueOfOneAsItIs(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	h.write(t, "expedited", "1\n")
	ran := false
	qt.Check(t, qt.IsNil(h.w.Do(func() error {
		ran = true
		h.checkClean(t, "1")
		return nil
	})))
	qt.Check(t, qt.IsTrue(ran))
	h.checkClean(t, "1")
}

func TestWindowRespectsAChangeMadeInside(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	h.write(t, "run/state/other", "")
	qt.Check(t, qt.IsNil(h.w.Do(func() error { h.write(t, "expedited", "2\n"); return nil })))
	qt.Check(t, qt.Equals(h.value(t), "2"))
	_, err := os.Stat(h.w.statePath())
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	_, err = os.Stat(filepath.Join(h.w.stateDir, "other"))
	qt.Check(t, qt.IsNil(err))
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
			err := h.w.Do(func() error {
				qt.Check(t, qt.Equals(h.value(t), "0"))
				return errFn
			})
			qt.Check(t, qt.ErrorIs(err, errFn))
			h.checkClean(t, "0")
		})
	}
}

func TestWindowOpensWithoutTheFilesOfRarerKernels(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	for _, path := range []string{h.w.files.realtime, h.w.files.nohzFull} {
		qt.Assert(t, qt.IsNil(os.Remove(path)))
	}
	qt.Check(t, qt.IsNil(h.w.Do(func() error {
		qt.Check(t, qt.Equals(h.value(t), "1"))
		return nil
	})))
}

func TestWindowWithoutTheRightToWrite(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, h fakeHost){
		"no such setting": func(t *testing.T, h fakeHost) {
			t.Helper()
			qt.Assert(t, qt.IsNil(os.Remove(h.w.files.expedited)))
		},
		"no state directory": func(t *testing.T, h fakeHost) {
			t.Helper()
			h.write(t, "run", "a file in its place")
		},
		"no boot id": func(t *testing.T, h fakeHost) {
			t.Helper()
			qt.Assert(t, qt.IsNil(os.Remove(h.w.files.bootID)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFakeHost(t)
			spoil(t, h)
			err := h.w.Do(func() error {
				if raw, err := os.ReadFile(h.w.files.expedited); err == nil {
					qt.Check(t, qt.Equals(string(raw), "0\n"))
				}
				return errFn
			})
			qt.Check(t, qt.ErrorIs(err, errFn))
		})
	}
}

func TestWindowsTakeTurns(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	other := h.window()
	inside, leave, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- other.Do(func() error { close(inside); <-leave; return nil })
	}()
	<-inside
	// Living: its state is no business of a repair.
	qt.Check(t, qt.IsNil(h.w.repair()))
	qt.Check(t, qt.Equals(h.value(t), "1"))
	_, err := os.Stat(h.w.statePath())
	qt.Check(t, qt.IsNil(err))

	h.w.wait = 0
	ran := false
	qt.Check(t, qt.IsNil(h.w.Do(func() error { ran = true; return nil })))
	qt.Check(t, qt.IsTrue(ran))
	qt.Check(t, qt.Equals(h.value(t), "1")) // the other's

	h.w.wait = time.Minute
	second := make(chan error)
	go func() {
		second <- h.w.Do(func() error {
			qt.Check(t, qt.Equals(h.value(t), "1"))
			return nil
		})
	}()
	close(leave)
	qt.Check(t, qt.IsNil(<-done))
	qt.Check(t, qt.IsNil(<-second))
	h.checkClean(t, "0")
}

func TestRepairAfterADeath(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ value, state, want string }{
		"inside the window":         {"1", "0 boot-1\n", "0"},
		"before it was opened":      {"0", "0 boot-1\n", "0"},
		"while the state was saved": {"0", "0 bo", "0"},
		"before anything was saved": {"1", "", "1"},
		"in an earlier boot":        {"1", "0 boot-0\n", "1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFakeHost(t)
			h.write(t, "expedited", test.value+"\n")
			h.write(t, "run/state/rcu_expedited", test.state)

			qt.Check(t, qt.IsNil(h.w.repair()))

			h.checkClean(t, test.want)
		})
	}
}

func TestWindowMendsWhatADeadInstanceLeft(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	h.write(t, "expedited", "1\n")
	h.write(t, "run/state/rcu_expedited", "0 boot-1\n")

	qt.Check(t, qt.IsNil(h.w.Do(func() error {
		qt.Check(t, qt.Equals(h.value(t), "1"))
		return nil
	})))

	h.checkClean(t, "0")
}

func TestRepairWithNothingToRepair(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	qt.Check(t, qt.IsNil(h.w.repair()))
	h.checkClean(t, "0")
	qt.Check(t, qt.IsNil(Repair(filepath.Join(t.TempDir(), "none"))))
}

func TestRepairSaysWhatItCouldNotDo(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	h.write(t, "run/state/rcu_expedited", "0 boot-1\n")
	qt.Assert(t, qt.IsNil(os.Remove(h.w.files.expedited)))
	err := h.w.repair()
	qt.Check(t, qt.ErrorMatches(err, "repair .*/expedited: .*"))
	qt.Check(t, qt.ErrorIs(err, unix.ENOENT))
}
