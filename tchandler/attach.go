// SPDX-License-Identifier: Apache-2.0

package tchandler

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/boathook/boathook"
)

// maxFailed bounds how many containers that could not be attached are remembered.
const maxFailed = 4096

// Container is what AttachContainer needs to know. With c one of the
// predecessor's containers:
//
//	&tchandler.Container{
//		ID:          c.Runtime.ContainerID,
//		PID:         int(c.ContainerPid()),
//		HostNetwork: c.HostNetwork,
//		Name:        c.Runtime.ContainerName,
//	}
type Container struct {
	// ID tells containers apart, for all time. Required.
	ID string
	// PID is a process of the container, as seen from our own process.
	PID int
	// HostNetwork says that the container has no network of its own.
	HostNetwork bool
	// Name is for error messages; empty stands for the ID.
	Name string
}

func (c *Container) String() string {
	name := c.Name
	if name == "" {
		name = c.ID
	}
	return fmt.Sprintf("container %s (pid %d)", name, c.PID)
}

func (c *Container) check() error {
	switch {
	case c == nil:
		return errors.New("no container given")
	case c.ID == "":
		return fmt.Errorf("%s has no id", c)
	}
	return nil
}

func (c *Container) key() string { return "container/" + c.ID }

// AttachContainer attaches the program to all links of a container, and to those
// it gets later, until DetachContainer. Containers that share a network namespace
// share the attachments, which stay until the last of them is detached.
//
// Unlike with the predecessor:
//   - A container is known by its ID. Its PID is looked up once, at this call, and
//     what it is in is held open, so that no later process or namespace is taken
//     for it.
//   - All links are attached or none; after an error nothing stays, and the call
//     may be repeated. For a container that is attached it looks again: under
//     another PID, of the container started anew, the links are those of that
//     process from then on. If that fails, what was attached before stays.
//   - Links without a host end, as macvlan and those made from other namespaces,
//     are attached inside the container. Having no link yet is no error.
//   - A container on the host's network, said to be or found to be, is an error
//     that wraps [boathook.ErrHostNetwork], not success without data.
//
// Returns an error that wraps os.ErrNotExist if the process is gone or PID is none,
// and [boathook.ErrClosed] after Close.
func (h *Handler) AttachContainer(c *Container) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	err := h.attach(c.key(), boathook.Target{PID: c.PID, HostNetwork: c.HostNetwork, RuntimePID: h.hostPID})
	if err != nil {
		return fmt.Errorf("attach %s: %w", c, err)
	}
	return nil
}

// DetachContainer ends what AttachContainer began for the container with this ID:
// all its links, unless another container or AttachIface needs them.
//
// Unlike with the predecessor it is no error if the attachment had failed, as
// with containers that end at once and those on the host's network. A PID other
// than 0 and that of the last AttachContainer says that an earlier process of the
// container ended, and is no error either: there is nothing left of that. Returns
// an error that wraps [boathook.ErrNotAttached] if the container was never
// attached or is detached already, and [boathook.ErrClosed] after Close.
func (h *Handler) DetachContainer(c *Container) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	err := h.detach(c.key(), c.PID)
	if err == nil || c.HostNetwork && errors.Is(err, boathook.ErrNotAttached) {
		return nil
	}
	return fmt.Errorf("detach %s: %w", c, err)
}

// AttachIface attaches the program to a link of our own network namespace, in the
// link's own direction, until DetachIface. A link that is also a container's is
// attached for both: each keeps its direction and its time.
//
// Unlike with the predecessor the link is known by iface.Index, which must have
// the name iface.Name at this call; other fields are not looked at. What was
// looked up in another network namespace is an error that wraps os.ErrNotExist.
// The attachment follows the link through renames. When the link is deleted it is
// over: a later one, whatever its name and index, is attached by another call.
// Attaching a link that is attached is no error. Returns [boathook.ErrClosed]
// after Close.
func (h *Handler) AttachIface(iface *net.Interface) error {
	if err := checkIface(iface); err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	if err := h.attach(ifaceKey(iface), boathook.Target{Interface: iface.Name, Ifindex: iface.Index}); err != nil {
		return fmt.Errorf("attach interface %s (ifindex %d): %w", iface.Name, iface.Index, err)
	}
	return nil
}

// DetachIface ends what AttachIface began, and leaves what containers need. The
// link is known by iface.Index: it may have been renamed or deleted.
//
// Returns an error that wraps [boathook.ErrNotAttached] if the link was never
// attached by AttachIface or is detached already, and [boathook.ErrClosed] after
// Close.
func (h *Handler) DetachIface(iface *net.Interface) error {
	if err := checkIface(iface); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	if err := h.detach(ifaceKey(iface), 0); err != nil {
		return fmt.Errorf("detach interface %s (ifindex %d): %w", iface.Name, iface.Index, err)
	}
	return nil
}

func checkIface(iface *net.Interface) error {
	switch {
	case iface == nil:
		return errors.New("no interface given")
	case iface.Index <= 0 || iface.Name == "":
		return fmt.Errorf("interface %q has ifindex %d", iface.Name, iface.Index)
	}
	return nil
}

func ifaceKey(iface *net.Interface) string { return fmt.Sprintf("interface/%d", iface.Index) }

// attach adds a target for key, and then takes out the one before, if any: what
// the two have in common stays attached all the time.
func (h *Handler) attach(key string, target boathook.Target) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return boathook.ErrClosed
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
		return boathook.ErrClosed
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
