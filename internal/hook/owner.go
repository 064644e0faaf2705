// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	tagPrefix = "boathook/"
	// maxTag is CLS_BPF_NAME_LEN of net/sched/cls_bpf.c without the final NUL.
	maxTag = 255
)

var errOwner = errors.New("an owner needs an instance and a boot id without slashes and spaces")

// Owner tells whose a clsact filter is. It is stored as the filter's name, so
// that a later process can see what a dead one left.
type Owner struct {
	// Instance names one run of one program, unique on the host.
	Instance string
	// BootID is the kernel's id of the boot in which it ran.
	BootID string
}

// NewOwner returns the owner for an instance that runs now.
func NewOwner(instance string) (Owner, error) {
	id, err := readBootID(filesAt(Places{}).bootID)
	if err != nil {
		return Owner{}, err
	}
	o := Owner{Instance: instance, BootID: id}
	return o, o.check()
}

// tag returns the name of a filter on a qdisc that the owner did not make.
func (o Owner) tag() string { return tagPrefix + o.Instance + "/" + o.BootID + "/q=0" }

// qdiscTag returns the name of a filter on a qdisc that the owner made, which
// netlink itself does not tell.
func (o Owner) qdiscTag() string { return tagPrefix + o.Instance + "/" + o.BootID + "/q=1" }

func (o Owner) check() error {
	for _, part := range []string{o.Instance, o.BootID} {
		if part == "" || strings.ContainsFunc(part, unfit) {
			return fmt.Errorf("check owner %q: %w", o.Instance, errOwner)
		}
	}
	if n := len(o.tag()); n > maxTag {
		return fmt.Errorf("check owner: its tag has %d bytes, at most %d are possible", n, maxTag)
	}
	return nil
}

func unfit(r rune) bool { return r == '/' || r <= ' ' || r > '~' }

// tagged is what a filter's name says.
type tagged struct {
	owner     Owner
	madeQdisc bool
}

// parseTag returns false for names that are not exactly as we write them.
func parseTag(name string) (tagged, bool) {
	rest, ok := strings.CutPrefix(name, tagPrefix)
	if !ok || len(name) > maxTag {
		return tagged{}, false
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 3 || (parts[2] != "q=0" && parts[2] != "q=1") {
		return tagged{}, false
	}
	o := Owner{Instance: parts[0], BootID: parts[1]}
	if o.check() != nil {
		return tagged{}, false
	}
	return tagged{owner: o, madeQdisc: parts[2] == "q=1"}, true
}

func readBootID(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}
