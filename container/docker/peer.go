// SPDX-License-Identifier: Apache-2.0

package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/container"
)

// unavailableError says which daemon could not be reached and why.
type unavailableError struct {
	host string
	err  error
}

func (e *unavailableError) Error() string {
	return "watch docker at " + e.host + ": " + e.err.Error()
}

func (e *unavailableError) Unwrap() []error { return []error{container.ErrUnavailable, e.err} }

// errRemote is returned for a daemon on another machine: the processes of its
// containers are not here, but others with the same numbers are.
var errRemote = fmt.Errorf("the daemon is on another machine: %w", errors.ErrUnsupported)

// peer is what the socket tells about the daemon.
type peer struct {
	// pid is the daemon's process; 0 if it is not known.
	pid int
	// samePIDs is true if the daemon's process ids are surely ours as well.
	samePIDs bool
}

// findPeer connects once to learn who listens.
func findPeer(ctx context.Context, host string) (peer, error) {
	url, err := client.ParseHostURL(host)
	if err != nil {
		return peer{}, fmt.Errorf("parse docker host %q: %w", host, err)
	}
	network := "tcp"
	if url.Scheme == "unix" {
		network = "unix"
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, url.Host)
	if err != nil {
		return peer{}, &unavailableError{host, dialReason(err)}
	}
	defer conn.Close() //nolint:errcheck // nothing was sent
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		if !isLocal(conn) {
			return peer{}, fmt.Errorf("watch docker at %s: %w", host, errRemote)
		}
		return peer{}, nil
	}
	pid, err := peerPID(socket)
	if err != nil {
		return peer{}, fmt.Errorf("ask who listens at %s: %w", host, err)
	}
	return peer{pid: pid, samePIDs: sharesPIDs(pid)}, nil
}

// dialReason leaves out the address, which the caller says anyway.
func dialReason(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// isLocal reports whether conn stays on this machine: a connection to one of a
// machine's own addresses has the same address at both ends.
func isLocal(conn net.Conn) bool {
	local, okLocal := conn.LocalAddr().(*net.TCPAddr)
	remote, okRemote := conn.RemoteAddr().(*net.TCPAddr)
	return okLocal && okRemote && local.IP.Equal(remote.IP)
}

// peerPID returns the process that listens on the other end, 0 if it is in
// another pid namespace.
func peerPID(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, credErr); err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

// sharesPIDs reports whether the process pid has our pid namespace.
func sharesPIDs(pid int) bool {
	theirs, err := os.Readlink(procPath(pid, "ns/pid"))
	if pid == 0 || err != nil {
		return false
	}
	ours, err := os.Readlink("/proc/self/ns/pid")
	return err == nil && ours == theirs
}

// minUnique is the length from which on an id cannot be in a path by chance.
const minUnique = 32

// isContainerProcess reports whether the process pid is in a control group that
// is named after the container id.
func isContainerProcess(pid int, id string) bool {
	cgroups, err := os.ReadFile(procPath(pid, "cgroup"))
	return err == nil && len(id) >= minUnique && strings.Contains(string(cgroups), id)
}

func procPath(pid int, file string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + file
}
