// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/doctor"
)

func TestDaemonThatAnswersIsFound(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		qt.Check(t, qt.Equals(r.URL.Path, "/_ping"))
		w.Header().Set("Api-Version", "1.41")
	})
	got := look(t, doctor.Place{Runtime: "docker", Address: address, Protocol: doctor.DockerAPI})
	qt.Check(t, qt.IsNil(got.Err))
	qt.Check(t, qt.IsTrue(got.Found))
	qt.Check(t, qt.Equals(got.Answer, "API 1.41"))
}

func TestOtherServerIsNotADockerDaemon(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError} {
		address := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		got := look(t, doctor.Place{Runtime: "docker", Address: address, Protocol: doctor.DockerAPI})
		qt.Check(t, qt.IsTrue(got.Found))
		qt.Check(t, qt.ErrorMatches(got.Err, "ping: .* not a docker daemon"))
	}
}

func TestSocketWithoutADaemon(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	qt.Assert(t, qt.IsNil(err))
	listener.SetUnlinkOnClose(false)
	qt.Assert(t, qt.IsNil(listener.Close()))
	for _, protocol := range []doctor.Protocol{doctor.DockerAPI, doctor.Connection} {
		got := look(t, doctor.Place{Runtime: "docker", Address: "unix://" + path, Protocol: protocol})
		qt.Check(t, qt.IsTrue(got.Found))
		qt.Check(t, qt.ErrorMatches(got.Err, ".*connection refused"))
	}
}

func TestNoSocket(t *testing.T) {
	t.Parallel()
	got := look(t, doctor.Place{Runtime: "docker", Address: "unix:///nonexistent/docker.sock", Protocol: doctor.DockerAPI})
	qt.Check(t, qt.IsFalse(got.Found))
	qt.Check(t, qt.ErrorIs(got.Err, fs.ErrNotExist))
}

func TestDaemonThatHangsIsNotWaitedForLongerThanTheCallerWants(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	address := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := doctor.FindRuntimes(ctx, []doctor.Place{{Runtime: "docker", Address: address, Protocol: doctor.DockerAPI}})
	qt.Check(t, qt.ErrorIs(got[0].Err, context.Canceled))
}

func TestAddressNobodyCanDial(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"ssh://host", "npipe:////./pipe/docker", "::"} {
		got := look(t, doctor.Place{Runtime: "docker", Address: address, Protocol: doctor.DockerAPI})
		qt.Check(t, qt.ErrorMatches(got.Err, "read address of runtime: .*"))
	}
}

func TestNamedNetworkNamespacesAreCounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"blue", "green"} {
		qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, name), nil, 0o600)))
	}
	got := look(t, doctor.Place{Runtime: "netns", Address: dir, Protocol: doctor.Directory})
	qt.Check(t, qt.IsNil(got.Err))
	qt.Check(t, qt.Equals(got.Answer, "2 named"))
	got = look(t, doctor.Place{Runtime: "netns", Address: dir + "/none", Protocol: doctor.Directory})
	qt.Check(t, qt.IsFalse(got.Found))
}

func TestPlacesFollowTheEnvironment(t *testing.T) {
	t.Parallel()
	addresses := func(env map[string]string) string {
		var list []string
		for _, place := range doctor.UsualPlaces(func(key string) string { return env[key] }) {
			if place.Runtime == "docker" {
				list = append(list, place.Address)
			}
		}
		return strings.Join(list, " ")
	}
	qt.Check(t, qt.Equals(addresses(nil), "unix:///run/docker.sock"))
	qt.Check(t, qt.Equals(addresses(map[string]string{"XDG_RUNTIME_DIR": "/run/user/7"}),
		"unix:///run/docker.sock unix:///run/user/7/docker.sock"))
	qt.Check(t, qt.Equals(addresses(map[string]string{"DOCKER_HOST": "tcp://h:1"}), "tcp://h:1"))
}

func look(t *testing.T, place doctor.Place) doctor.Runtime {
	t.Helper()
	return doctor.FindRuntimes(t.Context(), []doctor.Place{place})[0]
}

// serve answers HTTP on a unix socket.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	path := filepath.Join(shortDir(t), "s")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	qt.Assert(t, qt.IsNil(err))
	server := httptest.NewUnstartedServer(handler)
	qt.Assert(t, qt.IsNil(server.Listener.Close()))
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return "unix://" + path
}

// shortDir is for sockets, whose paths end at 107 characters.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bh") //nolint:usetesting // the test's own folder has too long a name
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { qt.Check(t, qt.IsNil(os.RemoveAll(dir))) })
	return dir
}
