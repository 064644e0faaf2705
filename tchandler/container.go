// SPDX-License-Identifier: Apache-2.0

package tchandler

import (
	"errors"
	"fmt"

	"github.com/boathook/boathook"
)

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
