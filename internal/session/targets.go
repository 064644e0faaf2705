// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/docker"
	"github.com/boathook/boathook/container/netnsdir"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/netns"
)

// Targets is what the user asks for. The values of one field are alternatives;
// fields that are set must all hold.
type Targets struct {
	Containers, Images, Labels []string
	// Netns are names or paths of network namespaces, PIDs processes in them.
	Netns []string
	PIDs  []int
	// Interfaces are names or globs of host links.
	Interfaces []string
	All        bool
	// Runtimes are "NAME" or "NAME=SOCKET"; none: all that are found.
	Runtimes []string
}

// Empty says that nothing is asked for.
func (t Targets) Empty() bool {
	return !t.picksContainers() && len(t.Netns) == 0 && len(t.PIDs) == 0 && len(t.Interfaces) == 0 && !t.All
}

// HostLink says of the names of host links which the targets want; it is nil if
// they want all.
func (t Targets) HostLink() (func(name string) bool, error) {
	patterns := splitCommas(t.Interfaces)
	if len(patterns) == 0 {
		return nil, nil //nolint:nilnil // documented: all
	}
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fault.Usage("a name, or a glob such as 'veth*'", "--interface %s: %w", pattern, err)
		}
	}
	return func(name string) bool { return matchAny(patterns, name) }, nil
}

func (t Targets) picksContainers() bool {
	return len(t.Containers) > 0 || len(t.Images) > 0 || len(t.Labels) > 0
}

// onlyInterfaces says that host links are asked for, whoever's they are.
func (t Targets) onlyInterfaces() bool {
	return len(t.Interfaces) > 0 && !t.picksContainers() && len(t.Netns) == 0 && len(t.PIDs) == 0 && !t.All
}

// sources are where the containers come from.
func (c Config) sources() ([]container.Source, error) {
	if len(c.Sources) > 0 {
		return c.Sources, nil
	}
	return c.Targets.sources()
}

// sources are where the containers come from. Without one of the flags that
// pick containers, namespaces and processes are sources of their own.
func (t Targets) sources() ([]container.Source, error) {
	switch {
	case t.onlyInterfaces():
		return nil, nil
	case t.picksContainers() || t.All:
		return Sources(t.Runtimes)
	case len(t.Netns) > 0:
		return t.netnsSources()
	}
	list := make([]container.Source, len(t.PIDs))
	for i, pid := range t.PIDs {
		list[i] = processSource{pid: pid}
	}
	return list, nil
}

// Sources are the runtimes to ask: those named, "NAME" or "NAME=SOCKET", or all
// that this program knows.
func Sources(named []string) ([]container.Source, error) {
	values := splitCommas(named)
	switch {
	case len(named) == 0:
		values = []string{docker.Name, netnsdir.Name}
	case len(values) == 0:
		return nil, fault.Usage("runtimes: "+docker.Name+", "+netnsdir.Name, "--runtime without a name")
	}
	var list []container.Source
	for _, value := range values {
		name, socket, _ := strings.Cut(value, "=")
		switch name {
		case docker.Name:
			source, err := docker.New(docker.Options{Host: socket})
			if err != nil {
				return nil, fault.Usage("--runtime docker=SOCKET", "%w", err)
			}
			list = append(list, source)
		case netnsdir.Name:
			source, err := netnsdir.New(netnsdir.Options{Dir: socket})
			if err != nil {
				return nil, fault.Usage("--runtime netns=DIR", "%w", err)
			}
			list = append(list, source)
		default:
			return nil, fault.Usage("runtimes: "+docker.Name+", "+netnsdir.Name, "unknown runtime %q", name)
		}
	}
	return list, nil
}

// netnsSources follow named namespaces by the folder their names are in: when a
// name goes, the namespace must not be kept alive by us.
func (t Targets) netnsSources() ([]container.Source, error) {
	var list []container.Source
	for _, value := range splitCommas(t.Netns) {
		if pid, ok := pidOfPath(value); ok {
			list = append(list, processSource{pid: pid})
		}
	}
	for dir, names := range t.netnsFolders() {
		for _, name := range names {
			if err := checkNetns(filepath.Join(dir, name)); err != nil {
				return nil, err
			}
		}
		source, err := netnsdir.New(netnsdir.Options{Dir: dir})
		if err != nil {
			return nil, fault.Usage("--netns NAME or PATH", "%w", err)
		}
		list = append(list, picked{Source: source, names: names})
	}
	return list, nil
}

// netnsFolders are the names of namespaces by the folder they are in.
func (t Targets) netnsFolders() map[string][]string {
	folders := map[string][]string{}
	for _, value := range splitCommas(t.Netns) {
		if _, ok := pidOfPath(value); ok {
			continue
		}
		dir, name := filepath.Split(value)
		if dir == "" {
			dir = netns.RunDir
		}
		folders[filepath.Clean(dir)] = append(folders[filepath.Clean(dir)], name)
	}
	return folders
}

// netnsNames are the names that are wanted, and those that there are.
func (t Targets) netnsNames() (wanted, there []string) {
	for dir, names := range t.netnsFolders() {
		wanted = append(wanted, names...)
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // then there are none
		}
		for _, entry := range entries {
			there = append(there, entry.Name())
		}
	}
	return wanted, there
}

// checkNetns refuses a path that is there and no network namespace; one that is
// not there yet is waited for.
func checkNetns(path string) error {
	ns, err := netns.OpenPath(path)
	switch {
	case err == nil:
		return ns.Close()
	case errors.Is(err, os.ErrNotExist):
		return nil
	}
	return fault.Failure("ip netns list shows the names; /proc/PID/ns/net is a path", "%w", err)
}

// pidOfPath recognises /proc/PID/ns/net, whose namespace lives as long as the process.
func pidOfPath(path string) (int, bool) {
	rest, ok := strings.CutPrefix(filepath.Clean(path), "/proc/")
	digits, ok2 := strings.CutSuffix(rest, "/ns/net")
	pid, err := strconv.Atoi(digits)
	return pid, ok && ok2 && err == nil
}

// netnsFilter is the namespaces that --netns and --pid name, as inodes, when other
// flags pick the containers. nil: no such flag.
func (t Targets) netnsFilter() (func(inode uint32) bool, error) {
	var sets [][]uint32
	if len(t.Netns) > 0 && (t.picksContainers() || t.All) {
		inodes, err := inodesOf(splitCommas(t.Netns), func(name string) (*netns.NS, error) {
			if strings.Contains(name, "/") {
				return netns.OpenPath(name)
			}
			return netns.OpenName(name)
		})
		if err != nil {
			return nil, err
		}
		sets = append(sets, inodes)
	}
	if len(t.PIDs) > 0 && (t.picksContainers() || t.All || len(t.Netns) > 0) {
		inodes, err := inodesOf(t.PIDs, netns.OpenPID)
		if err != nil {
			return nil, err
		}
		sets = append(sets, inodes)
	}
	if len(sets) == 0 {
		return nil, nil //nolint:nilnil // documented: no filter
	}
	return func(inode uint32) bool {
		for _, set := range sets {
			if !slices.Contains(set, inode) {
				return false
			}
		}
		return true
	}, nil
}

func inodesOf[T any](values []T, open func(T) (*netns.NS, error)) ([]uint32, error) {
	var inodes []uint32
	for _, value := range values {
		ns, err := open(value)
		if err != nil {
			return nil, fault.Failure("", "%w", err)
		}
		inodes = append(inodes, ns.Inode())
		if err := ns.Close(); err != nil {
			return nil, fmt.Errorf("close %s: %w", ns, err)
		}
	}
	return inodes, nil
}

// inodeOf is the network namespace of a container, by its inode.
func inodeOf(c container.Container) (uint32, error) {
	path := c.NetnsPath
	if c.PID != 0 {
		path = fmt.Sprintf("/proc/%d/ns/net", c.PID)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return uint32(st.Ino), nil
}

func splitCommas(values []string) []string {
	var list []string
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}
