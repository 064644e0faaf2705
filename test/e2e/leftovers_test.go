// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/testutil"
)

const expeditedFile = "/sys/kernel/rcu_expedited"

// kernelObjects are the ids of what a process has open in the kernel. Ids are
// never given out twice.
type kernelObjects struct {
	programs map[ebpf.ProgramID]bool
	maps     map[ebpf.MapID]bool
	links    map[link.ID]bool
}

func newKernelObjects() kernelObjects {
	return kernelObjects{programs: map[ebpf.ProgramID]bool{}, maps: map[ebpf.MapID]bool{}, links: map[link.ID]bool{}}
}

// add reads what the process with that id has open.
func (k kernelObjects) add(tb testing.TB, pid int) {
	tb.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // closed meanwhile
		}
		lines := bufio.NewScanner(strings.NewReader(string(text)))
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ":")
			id, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
			if err != nil {
				continue
			}
			switch name {
			case "prog_id":
				k.programs[ebpf.ProgramID(id)] = true
			case "map_id":
				k.maps[ebpf.MapID(id)] = true
			case "link_id":
				k.links[link.ID(id)] = true
			}
		}
	}
}

// linksLeft counts those of the links that still exist.
func (k kernelObjects) linksLeft() int {
	left := 0
	for id := range k.links {
		if l, err := link.NewFromID(id); err == nil {
			left++
			_ = l.Close() // only looked at
		}
	}
	return left
}

// left names what still exists. It looks the ids up without opening what they
// stand for: a prog array that is opened and closed in the moment when its last
// user goes keeps a reference for ever (seen on Linux 6.18: its release counts one
// up for a work item that is queued already).
func (k kernelObjects) left() []string {
	var list []string
	for id := range k.programs {
		if next, err := ebpf.ProgramGetNextID(id - 1); err == nil && next == id {
			list = append(list, fmt.Sprintf("program %d", id))
		}
	}
	for id := range k.maps {
		if next, err := ebpf.MapGetNextID(id - 1); err == nil && next == id {
			list = append(list, fmt.Sprintf("map %d", id))
		}
	}
	if n := k.linksLeft(); n > 0 {
		list = append(list, fmt.Sprintf("%d links", n))
	}
	return list
}

// settings are what a run may change for the moment of a burst. They are read
// while nobody on this machine is in such a moment, which the lock tells.
func settings() string {
	file, err := os.Open(expeditedFile)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return err.Error()
	}
	expedited, err := os.ReadFile(expeditedFile)
	if err != nil {
		return err.Error()
	}
	pins, err := filepath.Glob("/sys/fs/bpf/*boathook*")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("rcu_expedited %s, pinned: %q", strings.TrimSpace(string(expedited)), pins)
}

// leftovers says what the tests have left behind on this machine, where the
// settings were as given, and in the network namespace of the daemon. What a
// process had open is checked when it ends.
func leftovers(before string) error {
	var errs []error
	if after := settings(); after != before {
		errs = append(errs, fmt.Errorf("left behind: %s; before: %s", after, before))
	}
	if home.ns == nil {
		return errors.Join(errs...)
	}
	for _, command := range []string{"tc qdisc show", "ip -o link show type veth"} {
		words := strings.Fields(command)
		out, err := testutil.ExecErr(home.ns, words[0], words[1:]...)
		if err != nil || strings.Contains(out, "clsact") || strings.Contains(out, "veth") {
			errs = append(errs, fmt.Errorf("left behind: %s: %w: %s", command, err, out))
		}
	}
	return errors.Join(append(errs, home.ns.Close())...)
}
