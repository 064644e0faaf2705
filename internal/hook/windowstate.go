// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// windowState is what a window that is open right now will set back.
type windowState struct {
	old    string
	bootID string
}

func (w *Window) statePath() string { return filepath.Join(w.stateDir, "rcu_expedited") }

func (w *Window) writeState(s windowState) error {
	if err := os.MkdirAll(w.stateDir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(w.statePath(), []byte(s.old+" "+s.bootID+"\n"), 0o644); err != nil {
		return errors.Join(err, w.removeState())
	}
	return nil
}

// readState returns the state of no known boot for a file that is not complete:
// its writer died before it changed anything. It returns an error that wraps
// os.ErrNotExist if there is no file.
func (w *Window) readState() (windowState, error) {
	raw, err := os.ReadFile(w.statePath())
	if err != nil {
		return windowState{}, err
	}
	old, boot, ok := strings.Cut(strings.TrimSuffix(string(raw), "\n"), " ")
	if !ok || (old != "0" && old != "1") {
		return windowState{}, nil
	}
	return windowState{old: old, bootID: boot}, nil
}

// removeState removes the state file, and its directory if nothing else is in
// it.
func (w *Window) removeState() error {
	if err := ignoreNotExist(os.Remove(w.statePath())); err != nil {
		return err
	}
	err := ignoreNotExist(os.Remove(w.stateDir))
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

func ignoreNotExist(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
