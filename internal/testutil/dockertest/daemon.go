// SPDX-License-Identifier: Apache-2.0

package dockertest

import (
	"bufio"
	"bytes"
	_ "embed" // for daemon.sh
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startTime is how long a daemon may take on a busy machine; an idle one needs
// little more than a second.
const startTime = 60 * time.Second

//go:embed daemon.sh
var supervisor string

// Daemon is a running dockerd. It is safe for concurrent use, except for
// StopDaemon and StartDaemon.
type Daemon struct {
	// Host is the address for DOCKER_HOST, "unix:///tmp/...".
	Host string

	dir     string
	script  *exec.Cmd
	stdin   io.WriteCloser
	replies *bufio.Reader
	stderr  bytes.Buffer // of the script, read after it has ended
}

// Start runs a daemon that has [Image] until the test ends. It skips the test
// where docker or busybox are not installed or the rights are missing.
func Start(tb testing.TB) *Daemon {
	tb.Helper()
	d, err := start()
	skipIfMissing(tb, err)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.stop(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// start returns an error that wraps exec.ErrNotFound if a program is missing.
func start() (*Daemon, error) {
	for _, name := range []string{"dockerd", "docker", "busybox", "unshare", "ip"} {
		if _, err := exec.LookPath(name); err != nil {
			return nil, fmt.Errorf("start dockerd: %w", err)
		}
	}
	d, err := launch()
	if err != nil {
		return nil, fmt.Errorf("start dockerd: %w", err)
	}
	if err := errors.Join(d.waitReady(), d.importImage()); err != nil {
		return nil, errors.Join(fmt.Errorf("start dockerd: %w%s", err, d.logTail()), d.stop())
	}
	return d, nil
}

// launch starts the script and leaves it to it to clean up.
func launch() (*Daemon, error) {
	// Not the test's own folder: its path is too long for a unix socket, and
	// the script must be able to outlive the test.
	dir, err := os.MkdirTemp("", "bhd")
	if err != nil {
		return nil, err
	}
	d := &Daemon{Host: "unix://" + filepath.Join(dir, "docker.sock"), dir: dir}
	d.script = exec.Command("unshare", "--net", "--mount", "--propagation", "private", //nolint:noctx // ends with its stdin
		"sh", "-c", supervisor, "daemon.sh", dir, filepath.Base(dir))
	d.script.Stderr = &d.stderr
	// A signal from the terminal is for the test; the script must see it end.
	d.script.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, errIn := d.script.StdinPipe()
	stdout, errOut := d.script.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	d.stdin, d.replies = stdin, bufio.NewReader(stdout)
	if err := d.script.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return d, nil
}

// PID returns the process id of dockerd.
func (d *Daemon) PID(tb testing.TB) int {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "pid"))
	if err != nil {
		tb.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		tb.Fatal(err)
	}
	return pid
}

// StopDaemon ends dockerd; containers keep running.
func (d *Daemon) StopDaemon(tb testing.TB) {
	tb.Helper()
	if err := d.tell("stop"); err != nil {
		tb.Fatal(err)
	}
}

// StartDaemon starts dockerd again after [Daemon.StopDaemon] and waits until it
// answers.
func (d *Daemon) StartDaemon(tb testing.TB) {
	tb.Helper()
	if err := errors.Join(d.tell("start"), d.waitReady()); err != nil {
		tb.Fatalf("%v%s", err, d.logTail())
	}
}

// tell gives the script a command and waits until it is carried out.
func (d *Daemon) tell(command string) error {
	if _, err := io.WriteString(d.stdin, command+"\n"); err != nil {
		return fmt.Errorf("%s dockerd: %w", command, err)
	}
	if reply, err := d.replies.ReadString('\n'); reply != "done\n" {
		return fmt.Errorf("%s dockerd: reply %q: %w", command, reply, err)
	}
	return nil
}

// stop ends the daemon and checks that the script has removed everything.
func (d *Daemon) stop() error {
	err := d.stdin.Close()
	if err := errors.Join(err, d.script.Wait()); err != nil {
		return fmt.Errorf("stop dockerd: %w: %s", err, d.stderr.String())
	}
	return nil
}

// waitReady waits until the daemon answers.
func (d *Daemon) waitReady() error {
	deadline := time.NewTimer(startTime)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := d.docker(nil, "version")
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("not ready within %v: %w", startTime, err)
		}
	}
}

// logTail returns the end of the daemon's log for an error message.
func (d *Daemon) logTail() string {
	log, err := os.ReadFile(filepath.Join(d.dir, "log"))
	if err != nil {
		return ""
	}
	const tail = 2000
	return "\n" + string(log[max(0, len(log)-tail):])
}
