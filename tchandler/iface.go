// SPDX-License-Identifier: Apache-2.0

package tchandler

import (
	"errors"
	"fmt"
	"net"

	"github.com/boathook/boathook"
)

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
