// SPDX-License-Identifier: Apache-2.0

// Package testutil makes network namespaces, links and traffic for tests on
// the real kernel. Nothing that it makes is seen by the host or outlives the
// test.
package testutil

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// execTimeout ends a command that hangs, so that it cannot outlive the test.
const execTimeout = 30 * time.Second

// Netns makes an unnamed network namespace with its loopback link up and
// closes it when the test ends. Without the right to make one the test is
// skipped.
func Netns(tb testing.TB) *netns.NS {
	tb.Helper()
	ns, err := netns.New()
	SkipIfNotSupported(tb, err)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := ns.Close(); err != nil {
			tb.Error(err)
		}
	})
	Exec(tb, ns, "ip", "link", "set", "lo", "up")
	return ns
}

// Veth makes a veth pair with one end in a and one in b, which may be the same
// namespace, sets both up and returns their interface indexes. They get no IPv6
// link-local addresses, so that the kernel sends no packets of its own.
func Veth(tb testing.TB, a *netns.NS, nameA string, b *netns.NS, nameB string) (indexA, indexB int) {
	tb.Helper()
	Exec(tb, a, "ip", "link", "add", "name", nameA, "type", "veth", "peer", "name", nameB, "netns", Path(b))
	Exec(tb, a, "ip", "link", "set", "dev", nameA, "addrgenmode", "none", "up")
	Exec(tb, b, "ip", "link", "set", "dev", nameB, "addrgenmode", "none", "up")
	return Index(tb, a, nameA), Index(tb, b, nameB)
}

// Path returns a path to ns for commands that take one.
func Path(ns *netns.NS) string {
	return fmt.Sprintf("/proc/%d/fd/%d", unix.Getpid(), ns.Fd())
}

// AddAddr gives link an address in CIDR notation, usable at once.
func AddAddr(tb testing.TB, ns *netns.NS, link, cidr string) {
	tb.Helper()
	args := []string{"addr", "add", cidr, "dev", link}
	if strings.Contains(cidr, ":") {
		args = append(args, "nodad")
	}
	Exec(tb, ns, "ip", args...)
}

// Index returns the interface index of the link with that name.
func Index(tb testing.TB, ns *netns.NS, name string) int {
	tb.Helper()
	req, err := unix.NewIfreq(name)
	if err != nil {
		tb.Fatal(err)
	}
	err = ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return errors.Join(unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req), unix.Close(fd))
	})
	if err != nil {
		tb.Fatalf("index of %s in %s: %v", name, ns, err)
	}
	return int(req.Uint32())
}

// Exec runs a command inside ns and returns its standard output. The test
// fails if the command does.
func Exec(tb testing.TB, ns *netns.NS, name string, args ...string) string {
	tb.Helper()
	out, err := ExecErr(ns, name, args...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// ExecErr runs a command inside ns and returns its standard output, and an
// error with its standard error if it ends with another status than 0 or does
// not end within 30 s.
func ExecErr(ns *netns.NS, name string, args ...string) (string, error) {
	return ExecInput(ns, "", name, args...)
}

// ExecInput is ExecErr with a text for the command's standard input.
func ExecInput(ns *netns.NS, input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), execTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.WaitDelay = time.Second // for a child of its own that keeps the pipes
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	// A child starts in the namespace of the thread that forks it.
	if err := ns.Do(cmd.Run); err != nil {
		return stdout.String(), fmt.Errorf("%s in %s: %w: %s",
			strings.Join(cmd.Args, " "), ns, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
