// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Capability is a right that boathook makes use of.
type Capability struct {
	// Name is that of capabilities(7), in capitals.
	Name string
	// Since is the first Linux version with it; before, CAP_SYS_ADMIN meant it
	// too.
	Since string
	// Need says what it is needed for.
	Need string
	// Essential capabilities are those without which nothing can be attached.
	Essential bool
	// Held tells whether the process has it and the kernel honours it.
	Held bool

	bit uint
	// coveredBy is another capability that the kernel accepts instead.
	coveredBy uint
}

// Capabilities returns every capability that boathook makes use of and whether
// the process holds it, the essential ones first. Outside the initial user
// namespace none counts as held: the kernel asks for them there.
func Capabilities() ([]Capability, error) {
	held, err := effective()
	if err != nil {
		return nil, err
	}
	foreign, err := InUserNamespace()
	if err != nil {
		return nil, err
	}
	if foreign {
		held = 0
	}
	caps := usedCapabilities()
	for i := range caps {
		caps[i].Held = held&(1<<caps[i].bit|1<<caps[i].coveredBy) != 0
	}
	return caps, nil
}

// MissingCaps returns the essential capabilities that the process lacks, in
// the order in which messages name them.
func MissingCaps() ([]Capability, error) {
	caps, err := Capabilities()
	if err != nil {
		return nil, err
	}
	var missing []Capability
	for _, c := range caps {
		if c.Essential && !c.Held {
			missing = append(missing, c)
		}
	}
	return missing, nil
}

// CapNames joins the names of caps with commas, for messages.
func CapNames(caps []Capability) string {
	names := make([]string, len(caps))
	for i, c := range caps {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// InUserNamespace tells whether the process lives in a user namespace other
// than the first, where root holds every capability but not over the kernel.
func InUserNamespace() (bool, error) {
	// PROC_USER_INIT_INO, include/linux/proc_ns.h.
	const initial = "user:[4026531837]"
	name, err := os.Readlink("/proc/self/ns/user")
	if os.IsNotExist(err) {
		return false, nil // a kernel without user namespaces
	}
	if err != nil {
		return false, fmt.Errorf("read user namespace: %w", err)
	}
	return name != initial, nil
}

// hasCap tells whether the kernel would honour one capability. Errors count
// as no.
func hasCap(bit uint) bool {
	held, err := effective()
	foreign, nsErr := InUserNamespace()
	return err == nil && nsErr == nil && !foreign && held&(1<<bit) != 0
}

// effective returns the calling thread's effective capabilities, one bit each.
func effective() (uint64, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, fmt.Errorf("read capabilities: %w", err)
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective), nil
}

func usedCapabilities() []Capability {
	const admin = unix.CAP_SYS_ADMIN
	return []Capability{
		{
			Name: "CAP_BPF", Since: "5.8", bit: unix.CAP_BPF, coveredBy: admin, Essential: true,
			Need: "load programs and create maps",
		},
		{
			Name: "CAP_NET_ADMIN", Since: "2.2", bit: unix.CAP_NET_ADMIN, coveredBy: unix.CAP_NET_ADMIN,
			Essential: true, Need: "load tc programs and put them on hooks",
		},
		{
			Name: "CAP_SYS_ADMIN", Since: "2.2", bit: admin, coveredBy: admin, Essential: true,
			Need: "enter network namespaces and look up programs by id",
		},
		{
			Name: "CAP_PERFMON", Since: "5.8", bit: unix.CAP_PERFMON, coveredBy: admin,
			Need: "load programs that read kernel memory, and read perf event arrays",
		},
		{
			Name: "CAP_SYS_PTRACE", Since: "2.2", bit: unix.CAP_SYS_PTRACE, coveredBy: unix.CAP_SYS_PTRACE,
			Need: "find the network namespace of another user's process (--pid, containers)",
		},
		{
			Name: "CAP_NET_BROADCAST", Since: "2.2", bit: unix.CAP_NET_BROADCAST,
			coveredBy: unix.CAP_NET_BROADCAST,
			Need:      "see links that appear inside a container later",
		},
		{
			Name: "CAP_SYS_RESOURCE", Since: "2.2", bit: unix.CAP_SYS_RESOURCE,
			coveredBy: unix.CAP_SYS_RESOURCE,
			Need:      "raise RLIMIT_MEMLOCK, below Linux 5.11 only",
		},
		{
			Name: "CAP_SYSLOG", Since: "2.6.37", bit: unix.CAP_SYSLOG, coveredBy: unix.CAP_SYSLOG,
			Need: "read translated instructions while net.core.bpf_jit_harden is 2 (observe)",
		},
	}
}
