// SPDX-License-Identifier: Apache-2.0

package docker_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/docker"
	"github.com/boathook/boathook/internal/testutil/dockertest"
)

const inspected = `{"Id":"x","Name":"/web","State":{"Running":true,"Pid":1,"StartedAt":"2026-01-02T03:04:05.6Z"},
	"Config":{"Image":"nginx:1","Labels":{"a":"b"}},"HostConfig":{"NetworkMode":"bridge"},
	"NetworkSettings":{"SandboxKey":"/var/run/docker/netns/0123456789ab"}}`

func TestProcessIDsOfAnotherNamespaceGiveWayToThePath(t *testing.T) {
	t.Parallel()
	want := container.Container{
		Runtime: "docker", ID: "x", Name: "web", Image: "nginx:1",
		Labels: map[string]string{"a": "b"}, RuntimePID: 77,
		NetnsPath: "/proc/77/root/run/docker/netns/0123456789ab",
	}
	c, running, err := docker.Convert([]byte(inspected), 77, false)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsTrue(running))
	qt.Check(t, qt.DeepEquals(c, want))

	want.NetnsPath, want.PID = "", 1
	c, _, err = docker.Convert([]byte(inspected), 77, true)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(c, want))

	// Nobody knows where the path of an unknown daemon starts.
	want.RuntimePID, want.PID = 0, 0
	c, _, err = docker.Convert([]byte(inspected), 0, false)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(c, want))
}

func TestControlGroupOfAContainerProvesItsProcessID(t *testing.T) {
	t.Parallel()
	d := daemon.Daemon(t)
	id := d.Run(t, dockertest.Image, "sleep", "600")
	answer := d.Docker(t, "inspect", "--format", "{{json .}}", id)
	c, running, err := docker.Convert([]byte(answer), 0, false)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsTrue(running))
	qt.Assert(t, qt.Equals(strconv.Itoa(c.PID), d.Docker(t, "inspect", "--format", "{{.State.Pid}}", id)))
}

func FuzzConvert(f *testing.F) {
	f.Add([]byte(inspected))
	for _, seed := range []string{
		`{}`, `null`, `{"Id":"x","State":null}`, `{"Id":"x","State":{"Running":true}}`,
		`{"Id":"x","State":{"Running":true,"Pid":-1,"StartedAt":"never"},"Config":null,"HostConfig":null}`,
		`{"Id":"x","State":{"Running":true},"NetworkSettings":{"SandboxKey":"/../../etc"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		c, running, err := docker.Convert(answer, os.Getpid(), false)
		if err != nil || !running {
			return
		}
		if c.ID == "" || c.Runtime != docker.Name || c.PID < 0 {
			t.Errorf("%s gives %+v", answer, c)
		}
	})
}
