// SPDX-License-Identifier: Apache-2.0

package dockertest_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/dockertest"
)

// victimVariable is set in the environment of the process that is to be killed.
const victimVariable = "BOATHOOK_TEST_VICTIM"

func TestDaemonRunsContainersOutsideTheHostsNetwork(t *testing.T) {
	t.Parallel()
	d := dockertest.Start(t)
	id := d.Run(t, "--name", "box", dockertest.Image, "sleep", "600")
	qt.Assert(t, qt.HasLen(id, 64))
	qt.Assert(t, qt.Equals(d.Docker(t, "inspect", "--format", "{{.Name}}", id), "/box"))
	qt.Assert(t, qt.Equals(d.Docker(t, "exec", "box", "echo", "hello"), "hello"))
	_, err := os.Stat("/sys/class/net/docker0")
	qt.Assert(t, qt.ErrorIs(err, os.ErrNotExist))
}

func TestNothingIsLeftOfADaemon(t *testing.T) { //nolint:tparallel // looks after the subtest's end
	t.Parallel()
	before := mounts(t)
	var dir string
	var pids []int
	t.Run("daemon", func(t *testing.T) {
		d := dockertest.Start(t)
		dir = filepath.Dir(strings.TrimPrefix(d.Host, "unix://"))
		// Not removed by the test: the daemon must do it.
		d.Docker(t, "run", "--detach", "--name", "left", dockertest.Image, "sleep", "600")
		pids = append(pids, d.PID(t), number(t, d.Docker(t, "inspect", "--format", "{{.State.Pid}}", "left")))
	})
	_, err := os.Stat(dir)
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	for _, pid := range pids {
		_, err := os.Stat("/proc/" + strconv.Itoa(pid))
		qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	}
	cgroups, err := filepath.Glob("/sys/fs/cgroup/*/" + filepath.Base(dir))
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(cgroups, 0))
	qt.Check(t, qt.Equals(mounts(t), before))
}

func TestContainersOutliveARestartOfTheDaemon(t *testing.T) {
	t.Parallel()
	d := dockertest.Start(t)
	id := d.Run(t, dockertest.Image, "sleep", "600")
	before := d.Docker(t, "inspect", "--format", "{{.State.Pid}}", id)
	d.StopDaemon(t)
	_, err := os.Stat("/proc/" + before)
	qt.Assert(t, qt.IsNil(err))
	d.StartDaemon(t)
	qt.Assert(t, qt.Equals(d.Docker(t, "inspect", "--format", "{{.State.Pid}}", id), before))
}

func TestDaemonEndsWithATestThatIsKilled(t *testing.T) {
	t.Parallel()
	victim := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVictim$")
	victim.Env = append(os.Environ(), victimVariable+"=1")
	stdout, err := victim.StdoutPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(victim.Start()))
	line, err := bufio.NewReader(stdout).ReadString('\n')
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(victim.Process.Kill()))
	_ = victim.Wait() // reports the kill
	dir, container, found := strings.Cut(strings.TrimSpace(line), " ")
	qt.Assert(t, qt.IsTrue(found), qt.Commentf("%q", line))
	testutil.Eventually(t, time.Minute, func() bool {
		_, errDir := os.Stat(dir)
		_, errContainer := os.Stat("/proc/" + container)
		return errors.Is(errDir, os.ErrNotExist) && errors.Is(errContainer, os.ErrNotExist)
	}, "the daemon and its container are gone")
}

// TestVictim is the test that is killed, in a process of its own.
func TestVictim(t *testing.T) {
	if os.Getenv(victimVariable) == "" {
		return
	}
	d := dockertest.Start(t)
	id := d.Run(t, dockertest.Image, "sleep", "600")
	dir := filepath.Dir(strings.TrimPrefix(d.Host, "unix://"))
	_, err := os.Stdout.WriteString(dir + " " + d.Docker(t, "inspect", "--format", "{{.State.Pid}}", id) + "\n")
	qt.Assert(t, qt.IsNil(err))
	<-t.Context().Done()
}

func mounts(tb testing.TB) string {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	qt.Assert(tb, qt.IsNil(err))
	var ours []string
	for line := range strings.Lines(string(text)) {
		// Other tests on the machine mount, too.
		if strings.Contains(line, "bhd") || strings.Contains(line, "docker") {
			ours = append(ours, line)
		}
	}
	return strings.Join(ours, "")
}

func number(tb testing.TB, text string) int {
	tb.Helper()
	n, err := strconv.Atoi(text)
	qt.Assert(tb, qt.IsNil(err))
	return n
}
