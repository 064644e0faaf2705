// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/netnsdir"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/netns"
)

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
