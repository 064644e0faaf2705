// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"fmt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/netns"
)

// Target is what a program is attached to: the network of a container, or host
// links. Exactly one of PID, NetnsPath and Interface is set, or HostNetwork.
//
// Our own network namespace is that of the process, wherever the thread of the
// caller is.
type Target struct {
	// ID tells targets apart. Targets in one network namespace share its
	// attachments, which stay until the last of them is removed.
	ID string
	// PID is a process in the target's network namespace.
	PID int
	// NetnsPath leads to the target's network namespace.
	NetnsPath string
	// Interface is the name of a link in our own network namespace, or a glob
	// (path.Match) over names. Links that appear later are attached as well.
	Interface string
	// Ifindex, with Interface, is the index of the one link meant: it must have
	// that name, exactly, when it is added, and is followed from then on by its
	// index through renames until it is gone. A later link is another one, whatever
	// its name and index. 0 goes by name.
	Ifindex int
	// RuntimePID is a process in a network namespace, beside our own, that may hold
	// the host ends of the target's links; 0 for none.
	RuntimePID int
	// HostNetwork says that the target has no network of its own.
	HostNetwork bool
}

// ContainerTarget is the target for a container. Its ID is "runtime/id".
func ContainerTarget(c container.Container) Target {
	t := Target{
		ID: c.Runtime + "/" + c.ID, PID: c.PID, RuntimePID: c.RuntimePID, HostNetwork: c.HostNetwork,
	}
	if c.PID == 0 {
		t.NetnsPath = c.NetnsPath
	}
	return t
}

func (t Target) check() error {
	set := 0
	for _, isSet := range []bool{t.PID != 0, t.NetnsPath != "", t.Interface != ""} {
		if isSet {
			set++
		}
	}
	switch {
	case t.ID == "":
		return errors.New("target without id")
	case t.PID < 0:
		return fmt.Errorf("process id %d", t.PID)
	case t.RuntimePID < 0:
		return fmt.Errorf("process id %d of the runtime", t.RuntimePID)
	case t.Ifindex < 0 || t.Ifindex > 0 && t.Interface == "":
		return fmt.Errorf("ifindex %d of interface %q", t.Ifindex, t.Interface)
	case set > 1:
		return errors.New("more than one of process, network namespace and interface")
	case set == 0 && !t.HostNetwork:
		return errors.New("nothing says where the network of the target is")
	}
	return nil
}

// openNetns opens the target's network namespace; not for interface targets.
func (t Target) openNetns() (*netns.NS, error) {
	if t.PID != 0 {
		return netns.OpenPID(t.PID)
	}
	return netns.OpenPath(t.NetnsPath)
}
