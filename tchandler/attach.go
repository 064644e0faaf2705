// SPDX-License-Identifier: Apache-2.0

package tchandler

import (
	"context"
	"fmt"
	"os"

	"github.com/boathook/boathook"
)

// maxFailed bounds how many containers that could not be attached are remembered.
const maxFailed = 4096

// attach adds a target for key, and then takes out the one before, if any: what
// the two have in common stays attached all the time.
func (h *Handler) attach(key string, target boathook.Target) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return closedError{}
	}
	old, known := h.users[key]
	target.ID = key
	if known && old.ID == key {
		target.ID = key + "+"
	}
	if err := h.add(target); err != nil {
		if target.Interface == "" && !known {
			h.noteFailureLocked(key)
		}
		return err
	}
	h.users[key] = target
	delete(h.failed, key)
	if !known {
		return nil
	}
	return h.rt.Remove(old.ID)
}

func (h *Handler) add(target boathook.Target) error {
	if target.Interface == "" && target.PID <= 0 && !target.HostNetwork {
		return fmt.Errorf("no process has that id: %w", os.ErrNotExist)
	}
	return h.rt.Add(context.Background(), target)
}

// detach takes out the target for key. A pid other than 0 and the target's is
// that of an earlier process.
func (h *Handler) detach(key string, pid int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return closedError{}
	}
	user, attached := h.users[key]
	if !attached {
		if _, failed := h.failed[key]; !failed {
			return boathook.ErrNotAttached
		}
		delete(h.failed, key)
		return nil
	}
	if pid != 0 && pid != user.PID {
		return nil
	}
	delete(h.users, key)
	return h.rt.Remove(user.ID)
}

// noteFailureLocked remembers a container that could not be attached, so that
// detaching it, as callers do whenever one ends, is no error. Of too many an
// arbitrary one is forgotten.
func (h *Handler) noteFailureLocked(key string) {
	if len(h.failed) >= maxFailed {
		for other := range h.failed {
			delete(h.failed, other)
			break
		}
	}
	h.failed[key] = struct{}{}
}
