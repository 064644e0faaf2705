// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook"
)

const (
	attacherRole = "attacher"
	proberRole   = "prober"
	// probePause is what lies between two changes of the prober: others change their
	// links now and then, and do not fight for the lock.
	probePause = 500 * time.Microsecond
)

// play is what a child of a benchmark does. It ends when its stdin does.
func play(role string) error {
	name, args, _ := strings.Cut(role, " ")
	switch name {
	case attacherRole:
		return playAttacher(strings.Fields(args))
	case proberRole:
		return playProber(args)
	default:
		return errors.New("no such role")
	}
}

// playAttacher attaches to network namespaces, which are open files of its parent.
func playAttacher(files []string) error {
	opts := bursts.opts
	opts.Program = bothWays()
	rt, err := boathook.New(opts)
	if err != nil {
		return err
	}
	var targets []boathook.Target
	for _, fd := range files {
		targets = append(targets, boathook.Target{ID: fd, NetnsPath: fmt.Sprintf("/proc/%d/fd/%s", os.Getppid(), fd)})
	}
	if err := rt.Add(context.Background(), targets...); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, "ready"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, rt.Close())
}

// prober is another process that changes a link again and again.
type prober struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *json.Decoder
}

func newProber(tb testing.TB, link int) *prober {
	tb.Helper()
	p := &prober{cmd: exec.CommandContext(context.WithoutCancel(tb.Context()), "/proc/self/exe")}
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", roleVariable, proberRole, link))
	p.cmd.Stderr = os.Stderr
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	qt.Assert(tb, qt.IsNil(err))
	stdout, err := p.cmd.StdoutPipe()
	qt.Assert(tb, qt.IsNil(err))
	p.stdout = json.NewDecoder(stdout)
	qt.Assert(tb, qt.IsNil(p.cmd.Start()))
	tb.Cleanup(func() {
		qt.Check(tb, qt.IsNil(p.stdin.Close()))
		qt.Check(tb, qt.IsNil(p.cmd.Wait()))
	})
	return p
}

// during returns how long each change took while fn ran.
func (p *prober) during(tb testing.TB, fn func()) []time.Duration {
	tb.Helper()
	var delays []time.Duration
	_, err := p.stdin.Write([]byte("go\n"))
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(p.stdout.Decode(&delays))) // it has begun
	fn()
	_, err = p.stdin.Write([]byte("stop\n"))
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(p.stdout.Decode(&delays)))
	return delays
}

// playProber changes the link from each line to the next.
func playProber(index string) error {
	// One thread that sits in the kernel: what is measured is not Go's scheduler.
	runtime.LockOSThread()
	var link int32
	if _, err := fmt.Sscan(index, &link); err != nil {
		return err
	}
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if _, err := fmt.Fprintln(os.Stdout, "[]"); err != nil {
			return err
		}
		var stop atomic.Bool
		stopped := make(chan struct{})
		go func() {
			lines.Scan()
			stop.Store(true)
			close(stopped)
		}()
		delays, err := probe(socket, link, &stop)
		<-stopped
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(delays); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), unix.Close(socket))
}

func probe(socket int, link int32, stop *atomic.Bool) ([]time.Duration, error) {
	tick := time.NewTicker(probePause)
	defer tick.Stop()
	var delays []time.Duration
	for !stop.Load() {
		<-tick.C
		before := time.Now()
		if err := setMTU(socket, link, 1400+uint32(len(delays)%2)); err != nil {
			return nil, err
		}
		delays = append(delays, time.Since(before))
	}
	return delays, nil
}
