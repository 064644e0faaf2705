// SPDX-License-Identifier: Apache-2.0

package docker_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/containertest"
	"github.com/boathook/boathook/container/docker"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/dockertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	d := daemon.Daemon(t)
	containertest.Run(t, containertest.Harness{
		Source: mustNew(t, d.Host),
		Start: func(tb testing.TB, name string) string {
			tb.Helper()
			return d.Run(tb, "--name", name, dockertest.Image, "sleep", "600")
		},
		Stop: func(tb testing.TB, id string) {
			tb.Helper()
			d.Docker(tb, "kill", id)
		},
		Restart: func(tb testing.TB, id string) {
			tb.Helper()
			d.Docker(tb, "restart", "--time", "0", id)
		},
	})
}

func TestContainerHasWhatDockerSays(t *testing.T) {
	t.Parallel()
	d := daemon.Daemon(t)
	name := containertest.UniqueName("web")
	id := d.Run(t, "--name", name, "--label", "app=shop", "--label", "empty=", dockertest.Image, "sleep", "600")
	c := containertest.Watch(t, mustNew(t, d.Host)).WaitKnown(t, id)
	qt.Check(t, qt.IsTrue(c.PID > 0))
	c.PID = 0
	qt.Check(t, qt.DeepEquals(c, container.Container{
		Runtime: "docker", ID: id, Name: name, Image: dockertest.Image,
		Labels:     map[string]string{"app": "shop", "empty": ""},
		RuntimePID: d.PID(t),
	}))
}

func TestHostNetworkIsTold(t *testing.T) {
	t.Parallel()
	d := daemon.Daemon(t)
	id := d.Run(t, "--network", "host", dockertest.Image, "sleep", "600")
	c := containertest.Watch(t, mustNew(t, d.Host)).WaitKnown(t, id)
	qt.Assert(t, qt.IsTrue(c.HostNetwork))
}

func TestRenameIsAChange(t *testing.T) {
	t.Parallel()
	d := daemon.Daemon(t)
	id := d.Run(t, dockertest.Image, "sleep", "600")
	r := containertest.Watch(t, mustNew(t, d.Host))
	r.WaitSynced(t)
	name := containertest.UniqueName("renamed")
	d.Docker(t, "rename", id, name)
	r.WaitEvents(t, 1, container.Changed, id)
	qt.Assert(t, qt.Equals(r.Known()[id].Name, name))
}

func TestNetworkConnectAndDisconnectAreChanges(t *testing.T) {
	t.Parallel()
	d := daemon.Daemon(t)
	network := containertest.UniqueName("net")
	d.Docker(t, "network", "create", network)
	defer d.Docker(t, "network", "rm", network)
	id := d.Run(t, dockertest.Image, "sleep", "600")
	r := containertest.Watch(t, mustNew(t, d.Host))
	r.WaitSynced(t)
	d.Docker(t, "network", "connect", network, id)
	r.WaitEvents(t, 1, container.Changed, id)
	d.Docker(t, "network", "disconnect", network, id)
	r.WaitEvents(t, 2, container.Changed, id)
}

func TestPauseIsNoChange(t *testing.T) {
	t.Parallel()
	d := daemon.Daemon(t)
	id := d.Run(t, dockertest.Image, "sleep", "600")
	r := containertest.Watch(t, mustNew(t, d.Host))
	r.WaitSynced(t)
	d.Docker(t, "pause", id)
	containertest.Watch(t, mustNew(t, d.Host)).WaitKnown(t, id)
	d.Docker(t, "unpause", id)
	d.Docker(t, "rename", id, containertest.UniqueName("renamed"))
	r.WaitEvents(t, 1, container.Changed, id)
	qt.Assert(t, qt.DeepEquals(r.Types(id), []container.EventType{container.Added, container.Changed}))
}

func TestContainerThatWaitsForItsRestartDoesNotRun(t *testing.T) {
	t.Parallel()
	d := daemon.Daemon(t)
	id := d.Run(t, "--restart", "always", dockertest.Image, "false")
	// Docker doubles the wait after every failure, from 0.1 seconds on.
	state := func() string {
		return d.Docker(t, "inspect", "--format", "{{.State.Status}} {{.RestartCount}}", id)
	}
	testutil.Eventually(t, time.Minute, func() bool {
		before := state()
		if before < "restarting 5" {
			return false
		}
		r := containertest.Watch(t, mustNew(t, d.Host))
		r.WaitSynced(t)
		if state() != before {
			return false
		}
		qt.Check(t, qt.HasLen(r.Types(id), 0))
		return true
	}, "a container is waiting for its restart")
}

func TestRestartOfTheDaemonKeepsWhatRunsOn(t *testing.T) {
	t.Parallel()
	d := dockertest.Start(t)
	stays, dies := d.Run(t, dockertest.Image, "sleep", "600"), d.Run(t, dockertest.Image, "sleep", "600")
	source := mustNew(t, d.Host)
	source.SetTimings(10*time.Second, time.Hour, 20*time.Millisecond)
	r := containertest.Watch(t, source)
	r.WaitSynced(t)
	pid := r.Known()[dies].PID

	d.StopDaemon(t)
	r.WaitEvents(t, 1, container.Degraded, "")
	qt.Assert(t, qt.IsNil(syscall.Kill(pid, syscall.SIGKILL)))
	d.StartDaemon(t)
	r.WaitEvents(t, 2, container.Synced, "")
	r.WaitGone(t, dies)
	late := d.Run(t, dockertest.Image, "sleep", "600")
	qt.Check(t, qt.Equals(r.WaitKnown(t, late).RuntimePID, d.PID(t)))
	qt.Check(t, qt.IsFalse(slices.Contains(r.Types(stays), container.Removed)))
	qt.Check(t, qt.Equals(r.Known()[stays].RuntimePID, d.PID(t)))
	for _, e := range r.Events() {
		if e.Type == container.Degraded {
			qt.Check(t, qt.ErrorIs(e.Err, container.ErrUnavailable))
			qt.Check(t, qt.ErrorMatches(e.Err, "watch docker at "+d.Host+": .*"))
		}
	}
}

func TestFrozenDaemonIsNoticed(t *testing.T) {
	t.Parallel()
	d := dockertest.Start(t)
	id := d.Run(t, dockertest.Image, "sleep", "600")
	source := mustNew(t, d.Host)
	source.SetTimings(500*time.Millisecond, 50*time.Millisecond, 20*time.Millisecond)
	r := containertest.Watch(t, source)
	r.WaitSynced(t)
	qt.Assert(t, qt.IsNil(syscall.Kill(d.PID(t), syscall.SIGSTOP)))
	r.WaitEvents(t, 1, container.Degraded, "")
	qt.Assert(t, qt.IsNil(syscall.Kill(d.PID(t), syscall.SIGCONT)))
	r.WaitEvents(t, 2, container.Synced, "")
	qt.Assert(t, qt.DeepEquals(r.Types(id), []container.EventType{container.Added}))
}

func TestWatchSaysThatNoDaemonRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dead := filepath.Join(dir, "dead.sock")
	qt.Assert(t, qt.IsNil(os.WriteFile(dead, nil, 0o600)))
	for path, want := range map[string]error{
		filepath.Join(dir, "none.sock"): os.ErrNotExist,
		dead:                            syscall.ECONNREFUSED,
	} {
		err := mustNew(t, path).Watch(t.Context(), noEvent(t))
		qt.Check(t, qt.ErrorIs(err, container.ErrUnavailable))
		qt.Check(t, qt.ErrorIs(err, want))
		qt.Check(t, qt.ErrorMatches(err, "watch docker at unix://"+path+": connect: .*"))
	}
}

func TestRemoteDaemonIsRefused(t *testing.T) {
	t.Parallel()
	_, err := docker.New(docker.Options{Host: "ssh://user@host"})
	qt.Assert(t, qt.ErrorIs(err, errors.ErrUnsupported))
}

// noEvent is an emit that must not be called.
func noEvent(tb testing.TB) func(container.Event) {
	tb.Helper()
	return func(e container.Event) { tb.Errorf("unexpected event %v", e) }
}
