// SPDX-License-Identifier: Apache-2.0

package docker

import (
	"maps"
	"path"
	"strings"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"github.com/boathook/boathook/container"
)

// Name is the runtime of the containers that this package reports.
const Name = "docker"

// entry is a container that runs, with what tells one start from the next.
type entry struct {
	container container.Container
	// started is by the daemon's clock; zero if the daemon did not say.
	started time.Time
}

// sameStart reports whether both are the same run of a container. An entry
// that is not known in full counts as the same.
func (e entry) sameStart(o entry) bool {
	return e.started.IsZero() || o.started.IsZero() || e.started.Equal(o.started)
}

// fromInspect converts the daemon's answer, any part of which may be missing.
// It returns false for a container that does not run.
func (p peer) fromInspect(r api.InspectResponse) (entry, bool) {
	// A container that waits for its restart counts as running for docker, but
	// has no process and no netns.
	if r.ID == "" || r.State == nil || !r.State.Running || r.State.Restarting {
		return entry{}, false
	}
	e := entry{container: container.Container{
		Runtime:    Name,
		ID:         r.ID,
		Name:       strings.TrimPrefix(r.Name, "/"),
		RuntimePID: p.pid,
	}}
	if r.Config != nil {
		e.container.Image = r.Config.Image
		e.container.Labels = maps.Clone(r.Config.Labels)
	}
	if r.HostConfig != nil {
		e.container.HostNetwork = r.HostConfig.NetworkMode.IsHost()
	}
	if started, err := time.Parse(time.RFC3339Nano, r.State.StartedAt); err == nil {
		e.started = started
	}
	switch {
	case r.State.Pid > 0 && (p.samePIDs || isContainerProcess(r.State.Pid, r.ID)):
		e.container.PID = r.State.Pid
	case r.NetworkSettings != nil:
		e.container.NetnsPath = p.netnsPath(r.NetworkSettings.SandboxKey)
	}
	return e, true
}

// netnsPath returns how we reach a path that is the daemon's own.
func (p peer) netnsPath(key string) string {
	if p.pid == 0 || !path.IsAbs(key) {
		return ""
	}
	// An absolute symbolic link, as /var/run is, would lead to our root.
	if rest, ok := strings.CutPrefix(path.Clean(key), "/var/run/"); ok {
		key = "/run/" + rest
	}
	return procPath(p.pid, "root") + path.Clean(key)
}

// fromSummary is what a list tells, for a container that cannot be inspected.
func (p peer) fromSummary(s api.Summary) container.Container {
	c := container.Container{
		Runtime:     Name,
		ID:          s.ID,
		Image:       s.Image,
		Labels:      maps.Clone(s.Labels),
		HostNetwork: s.HostConfig.NetworkMode == "host",
		RuntimePID:  p.pid,
	}
	if len(s.Names) > 0 {
		c.Name = strings.TrimPrefix(s.Names[0], "/")
	}
	return c
}

// fromEvent is what an event tells, for a container that cannot be inspected.
// The attributes hold the labels, too.
func (p peer) fromEvent(m events.Message) container.Container {
	return container.Container{
		Runtime:    Name,
		ID:         m.Actor.ID,
		Name:       m.Actor.Attributes["name"],
		Image:      m.Actor.Attributes["image"],
		Labels:     maps.Clone(m.Actor.Attributes),
		RuntimePID: p.pid,
	}
}
