// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// askTimeout is how long a daemon may take to say that it lives.
const askTimeout = 2 * time.Second

// Protocol is how a runtime is asked whether it lives.
type Protocol uint8

const (
	// Connection is for a daemon that only has to accept one.
	Connection Protocol = iota
	// DockerAPI is for a daemon that answers docker's ping in HTTP.
	DockerAPI
	// Directory is for a folder in which each file is a network namespace.
	Directory
)

// Place is where a container runtime may be found.
type Place struct {
	// Runtime is its name: "docker", "containerd".
	Runtime string
	// Address is a URL (unix:///run/docker.sock, tcp://host:2375) or a folder.
	Address  string
	Protocol Protocol
	// Wanted: the user named it, so that its absence is worth a word.
	Wanted bool
}

// Runtime is what was found at a place.
type Runtime struct {
	Place
	// Found: there is a socket or folder, whether or not somebody answers.
	Found bool
	// Answer is what a daemon said of itself, such as "API 1.41".
	Answer string
	// Err is why there is no answer.
	Err error
}

// UsualPlaces returns where runtimes have their sockets. getenv is os.Getenv or
// what stands for it.
func UsualPlaces(getenv func(string) string) []Place {
	var places []Place
	if host := getenv("DOCKER_HOST"); host != "" {
		places = append(places, Place{Runtime: "docker", Address: host, Protocol: DockerAPI, Wanted: true})
	} else {
		places = append(places, Place{Runtime: "docker", Address: "unix:///run/docker.sock", Protocol: DockerAPI})
		if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
			places = append(places, Place{
				Runtime: "docker", Address: "unix://" + filepath.Join(dir, "docker.sock"), Protocol: DockerAPI,
			})
		}
	}
	return append(places,
		Place{Runtime: "podman", Address: "unix:///run/podman/podman.sock"},
		Place{Runtime: "containerd", Address: "unix:///run/containerd/containerd.sock"},
		Place{Runtime: "cri-o", Address: "unix:///run/crio/crio.sock"},
		Place{Runtime: "netns", Address: "/run/netns", Protocol: Directory},
	)
}

// FindRuntimes looks at each place. It waits for two seconds at most for each
// daemon, less if ctx ends before.
func FindRuntimes(ctx context.Context, places []Place) []Runtime {
	runtimes := make([]Runtime, len(places))
	for i, place := range places {
		runtimes[i] = find(ctx, place)
	}
	return runtimes
}

func find(ctx context.Context, place Place) Runtime {
	r := Runtime{Place: place}
	if place.Protocol == Directory {
		entries, err := os.ReadDir(place.Address)
		r.Found, r.Err = !errors.Is(err, fs.ErrNotExist), err
		r.Answer = strconv.Itoa(len(entries)) + " named"
		return r
	}
	network, address, err := dialAddress(place.Address)
	if err != nil {
		r.Found, r.Err = true, err
		return r
	}
	if network == "unix" {
		if _, err := os.Stat(address); errors.Is(err, fs.ErrNotExist) {
			r.Err = err
			return r
		}
	}
	r.Found = true
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	dial := func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	if place.Protocol == DockerAPI {
		r.Answer, r.Err = ping(ctx, dial)
		return r
	}
	conn, err := dial(ctx)
	if err == nil {
		err = conn.Close()
	}
	r.Answer, r.Err = "accepts connections", err
	return r
}

func dialAddress(address string) (network, target string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", fmt.Errorf("read address of runtime: %w", err)
	}
	switch u.Scheme {
	case "unix":
		return "unix", u.Path, nil
	case "tcp", "http":
		return "tcp", u.Host, nil
	}
	return "", "", fmt.Errorf("read address of runtime: %s: %w", address, errors.ErrUnsupported)
}

// ping asks a docker daemon for the version of its API, which it gives without
// looking at the client's.
func ping(ctx context.Context, dial func(context.Context) (net.Conn, error)) (answer string, err error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	if err != nil {
		return "", fmt.Errorf("ping: %w", err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", fmt.Errorf("ping: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return "", fmt.Errorf("ping: %w", err)
	}
	version := response.Header.Get("Api-Version")
	if response.StatusCode != http.StatusOK || version == "" {
		return "", fmt.Errorf("ping: %s without a version: not a docker daemon", response.Status)
	}
	return "API " + version, nil
}

// judgeRuntimes lists what was found. Places where nothing is are left out,
// unless the user asked for them or there is nothing anywhere.
func judgeRuntimes(runtimes []Runtime) []Check {
	var checks []Check
	alive := false
	for _, r := range runtimes {
		if r.Found || r.Wanted {
			checks = append(checks, r.judge())
		}
		alive = alive || r.Found && r.Err == nil && r.Protocol == DockerAPI
	}
	if !alive {
		checks = append(checks, Check{
			Group: RuntimeGroup, Name: "containers", Status: Warn, Value: "none",
			Meaning: "no runtime tells of its containers: --container, --image, --label and --all find named network namespaces only",
			Fix:     "start docker, set DOCKER_HOST, or use --netns, --pid or --interface",
		})
	}
	return checks
}

func (r *Runtime) judge() Check {
	check := Check{Group: RuntimeGroup, Name: r.Runtime, Value: r.Answer}
	switch {
	case r.Err != nil:
		check.Status, check.Error = Warn, r.Err.Error()
		check.Value = "no answer"
		check.Meaning = "its containers are not found"
		check.Fix = "start " + r.Runtime
		if errors.Is(r.Err, fs.ErrPermission) {
			check.Fix = fixSudo
		}
	case r.Protocol == Connection:
		check.Meaning = "boathook does not ask it for containers; --netns and --pid reach them"
	case r.Protocol == Directory:
		check.Meaning = "network namespaces of ip netns are found by name"
	default:
		check.Meaning = "its containers are found and followed"
	}
	check.Meaning += " (" + r.Address + ")"
	return check
}
