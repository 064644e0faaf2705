// SPDX-License-Identifier: Apache-2.0

package session

import (
	"path"
	"strings"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/docker"
	"github.com/boathook/boathook/container/netnsdir"
	"github.com/boathook/boathook/internal/fault"
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
